"""Adapters: they find an engine's stages and record them. See README.md for what each one hooks.

    from afdscope_probe import adapters
    report = adapters.enable()          # all of them; silent where an engine is not there
    adapters.disable()                  # everything as it was
"""

from __future__ import annotations

import importlib
import logging
import threading
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Protocol, Sequence, Tuple

from ..start import get_probe
from . import guards, imports
from .record import Recorder
from .wrap import Hook, Unknown

__all__ = ["NAMES", "disable", "enable", "report"]

_log = logging.getLogger("afdscope_probe")

#: name -> (module, class)
_KNOWN: Dict[str, Tuple[str, str]] = {
    "vllm": (".vllm_afd", "VllmAdapter"),
    "sglang": (".sglang_afd", "SglangAdapter"),
    "stepmesh": (".stepmesh", "StepMeshAdapter"),
    "generic": (".generic", "GenericAdapter"),
}
NAMES = tuple(_KNOWN)

Told = Callable[[Dict[str, Any]], None]


class _Place(Protocol):
    path: str
    problem: str

    @property
    def state(self) -> str: ...
    def install(self) -> None: ...
    def remove(self) -> None: ...


class _Adapter(Protocol):
    name: str

    @property
    def targets(self) -> Sequence[_Place]: ...


_lock = threading.RLock()
_enabled: Dict[str, _Adapter] = {}
_off: Dict[str, str] = {}  # adapter -> why it went off
_recorder = Recorder(get_probe)
_end_torch: Optional[Callable[[], None]] = None


def enable(names: Optional[Iterable[str]] = None, told: Optional[Told] = None) -> Dict[str, Dict[str, str]]:
    """Switch adapters on, all where no names are given; a second time does nothing. Never raises.

    ``told(facts)`` is called when an engine's connector says who the worker is (arguments of ``start``).
    Returns, for each adapter, what became of each of its targets."""
    global _end_torch
    with _lock:
        if _end_torch is None:
            _end_torch = imports.when_imported("torch", guards.bind)
        for name in _KNOWN if names is None else names:
            if name not in _KNOWN:
                _log.warning("afdscope: there is no adapter %r; there are %s", name, ", ".join(_KNOWN))
            elif name not in _enabled:
                _enable(name, told)
        return report()


def _enable(name: str, told: Optional[Told]) -> None:
    module, class_name = _KNOWN[name]
    _off.pop(name, None)

    def fail(hook: Hook, error: Exception) -> None:
        _failed(name, hook, error)

    try:
        adapter = getattr(importlib.import_module(module, __name__), class_name)(
            _recorder, fail, told or (lambda facts: None)
        )
        _enabled[name] = adapter
        for target in adapter.targets:
            target.install()
    except Exception as error:
        _switch_off(name, f"could not be enabled: {error!r}")


def _failed(name: str, hook: Hook, error: Exception) -> None:
    """A hook raised. What it does not know switches only it off; a mistake the whole adapter."""
    if isinstance(error, Unknown):
        _log.warning("afdscope: %s of adapter %s is switched off: %s", hook.group, name, error)
        return
    _switch_off(name, f"{hook.group}: {error!r}", error)


def _switch_off(name: str, reason: str, error: Optional[Exception] = None) -> None:
    if name in _off:
        return
    _off[name] = reason
    _log.warning("afdscope: adapter %s is switched off: %s", name, reason, exc_info=error)
    adapter = _enabled.get(name)
    if adapter is None:
        return
    for hook in _hooks(adapter):
        hook.active = False
    for target in reversed(list(adapter.targets)):
        target.remove()


def _hooks(adapter: Optional[_Adapter]) -> List[Hook]:
    places = getattr(adapter, "targets", ())
    return [hook for target in places for _, hook in getattr(target, "places", ())]


def disable(names: Optional[Iterable[str]] = None) -> None:
    """Take adapters off again, all where no names are given: the engines' own objects are back."""
    global _end_torch
    with _lock:
        for name in list(_enabled) if names is None else list(names):
            adapter = _enabled.pop(name, None)
            _off.pop(name, None)
            if adapter is None:
                continue
            for target in reversed(list(adapter.targets)):
                target.remove()
            close = getattr(adapter, "close", None)
            if close is not None:
                close()
        if not _enabled:
            _recorder.forget()
            if _end_torch is not None:
                _end_torch()
                _end_torch = None


def report() -> Dict[str, Dict[str, str]]:
    """What is enabled: adapter -> target -> wrapped, waiting for import, not in this version, or why not."""
    found: Dict[str, Dict[str, str]] = {}
    for name, adapter in _enabled.items():
        states = {target.path: target.state for target in adapter.targets}
        if name in _off:
            states["switched off"] = _off[name]
        for hook in _hooks(adapter):
            if not hook.active and name not in _off:
                states[f"switched off: {hook.group}"] = "it met an object of an unknown shape"
        found[name] = states
    return found


def by_name() -> Mapping[str, Any]:
    """The adapters that are enabled."""
    return dict(_enabled)
