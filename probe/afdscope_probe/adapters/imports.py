"""Calls back when a module has been imported, now or later, without importing it.

One finder stands first on ``sys.meta_path`` while somebody waits; it finds nothing itself, asks the
finders behind it, and puts a loader in front of the one they name, which calls back after the module's
code has run. The module sees its own loader. The finder leaves ``sys.meta_path`` with its last watch.
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any, Callable, Dict, List, Optional, Tuple

_log = logging.getLogger("afdscope_probe")

Callback = Callable[[Any], None]

_watches: Dict[str, List[Callback]] = {}
_under: List[Tuple[str, Callback]] = []  # prefixes of module names
_early: Dict[str, List[Callback]] = {}  # modules whose code was running when the watch began
_lock = threading.RLock()


def is_ready(module: Any) -> bool:
    """Whether the module's code has run to its end."""
    spec = getattr(module, "__spec__", None)
    return not getattr(spec, "_initializing", False)


def when_imported(name: str, callback: Callback) -> Callable[[], None]:
    """Call ``callback(module)`` once the module is there: at once where it is. Returns what ends the watch."""
    with _lock:
        module = sys.modules.get(name)
        if module is None:
            _watches.setdefault(name, []).append(callback)
            if _finder not in sys.meta_path:
                sys.meta_path.insert(0, _finder)
        elif not is_ready(module):
            _early.setdefault(name, []).append(callback)
            if _finder not in sys.meta_path:
                sys.meta_path.insert(0, _finder)
    if module is not None and is_ready(module):
        _call(name, callback, module)
    return lambda: _forget(name, callback)


def when_imported_under(prefix: str, callback: Callback) -> Callable[[], None]:
    """The same for every module whose name is the prefix or begins with it and a point."""
    watch = (prefix, callback)
    with _lock:
        _under.append(watch)
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)
    for name, module in list(sys.modules.items()):
        if module is not None and _is_under(name, prefix):
            if is_ready(module):
                _call(name, callback, module)
            else:
                with _lock:
                    _early.setdefault(name, []).append(callback)

    def end() -> None:
        with _lock:
            if watch in _under:
                _under.remove(watch)
            for waiting in _early.values():
                while callback in waiting:
                    waiting.remove(callback)
            for name in [name for name, waiting in _early.items() if not waiting]:
                del _early[name]
            _leave_if_idle()

    return end


def _is_under(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def _is_watched(name: str) -> bool:
    return name in _watches or any(_is_under(name, prefix) for prefix, _ in _under)


def _forget(name: str, callback: Callback) -> None:
    with _lock:
        for table in (_watches, _early):
            waiting = table.get(name)
            if waiting and callback in waiting:
                waiting.remove(callback)
                if not waiting:
                    del table[name]
        _leave_if_idle()


def _leave_if_idle() -> None:
    if not _watches and not _early and not _under and _finder in sys.meta_path:
        sys.meta_path.remove(_finder)


def _call(name: str, callback: Callback, module: Any) -> None:
    try:
        callback(module)
    except Exception:  # an import must never fail because of the probe
        _log.warning("afdscope: what waited for the import of %s failed", name, exc_info=True)


def _arrived(name: str, module: Any) -> None:
    with _lock:
        waiting = _watches.pop(name, []) + _early.pop(name, [])
        waiting += [call for prefix, call in _under if _is_under(name, prefix) and call not in waiting]
        _leave_if_idle()
    for callback in waiting:
        _call(name, callback, module)


def check_early() -> None:
    """Serve the watches of modules that were half imported when they began."""
    for name in list(_early):
        module = sys.modules.get(name)
        if module is not None and is_ready(module):
            _arrived(name, module)


class _Loader:
    """The module's own loader, and a call after it."""

    def __init__(self, loader: Any, name: str) -> None:
        self._loader = loader
        self._name = name

    def create_module(self, spec: Any) -> Any:
        create = getattr(self._loader, "create_module", None)
        return create(spec) if create is not None else None

    def exec_module(self, module: Any) -> None:
        spec = getattr(module, "__spec__", None)
        if spec is not None:
            spec.loader = self._loader
        try:
            module.__loader__ = self._loader
        except AttributeError:
            pass
        self._loader.exec_module(module)
        _arrived(self._name, sys.modules.get(self._name, module))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class _Finder:
    def __init__(self) -> None:
        self._busy = threading.local()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[Any]:
        if _early:
            check_early()
        if not _is_watched(name) or getattr(self._busy, "name", None) == name:
            return None
        self._busy.name = name
        try:
            for finder in list(sys.meta_path):
                if finder is self or not hasattr(finder, "find_spec"):
                    continue
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    break
            else:
                return None
        finally:
            self._busy.name = None
        if spec.loader is not None and hasattr(spec.loader, "exec_module"):
            loader: Any = _Loader(spec.loader, name)
            spec.loader = loader
        return spec


_finder = _Finder()
