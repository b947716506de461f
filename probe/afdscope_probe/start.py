"""The process's one probe."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from typing import Any, Mapping, Optional

from . import gpu_metrics
from .counters import log, warn
from .hooks import StepRing
from .null_probe import NullProbe
from .probe import Probe
from .ring import Ring
from .settings import Attribute, Settings, SettingsError, switched_off

_lock = threading.RLock()
_NULL = NullProbe()
_probe: Probe = _NULL
_hooked = False
#: multiprocessing.util.Finalize, in its children.
_finalizer: Any = None


def start(
    role: Optional[str] = None,
    rank: Optional[int] = None,
    deployment: Optional[str] = None,
    group: Optional[str] = None,
    topology: Optional[str] = None,
    microbatches: Optional[int] = None,
    layers: Optional[int] = None,
    model: Optional[str] = None,
    connector: Optional[str] = None,
    endpoint: Optional[str] = None,
    mode: Optional[str] = None,
    resource: Optional[Mapping[str, Attribute]] = None,
) -> Probe:
    """Starts the process's probe; a second call gives the first one's, until that is shut down. Never
    raises: what is wrong is said in the log, and the probe that is given does nothing."""
    global _probe
    with _lock:
        if _probe.enabled and not _probe.is_shut:
            return _probe
        _probe = _NULL
        try:
            off = switched_off()
            if off:
                log.info("the probe is off: %s", off)
                return _NULL
            settings = Settings.from_env(
                role=role, rank=rank, deployment=deployment, group=group, topology=topology,
                microbatches=microbatches, layers=layers, model=model, connector=connector,
                endpoint=endpoint, mode=mode, resource=resource,
            )
            for warning in settings.warnings:
                warn("%s", warning)
            _probe = Probe(settings, _ring(settings), _on_thread)
            gpu_metrics.enable_from_env(_probe)
            _hook()
        except SettingsError as error:
            warn("the probe stays off: %s", error)
        except Exception as error:
            warn("the probe stays off: %s: %s", type(error).__name__, error)
        return _probe


def get_probe() -> Probe:
    """The probe that was started, or one that does nothing."""
    return _probe


def stop(timeout_s: float = 5.0) -> None:
    """Shuts the process's probe down; another may be started then."""
    global _probe
    with _lock:
        probe, _probe = _probe, _NULL
    probe.shutdown(timeout_s)


def _ring(settings: Settings) -> Optional[StepRing]:
    """Steps that are not sent are kept for a while, where the mode leaves any out."""
    if settings.mode == "all" or settings.ring_bytes == 0:
        return None
    return Ring(
        max_bytes=settings.ring_bytes,
        keep_ns=int(settings.ring_s * 1e9),
        deployment=settings.deployment,
        bytes_per_s=settings.pull_bytes_per_s,
    )


def _hook() -> None:
    """Once a process: a child of fork gets an empty probe, and the interpreter's end sends the rest."""
    global _hooked
    if _hooked:
        return
    _hooked = True
    atexit.register(_at_exit)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_in_child)


def _on_thread() -> None:
    """Children of multiprocessing end without atexit, but run what is registered there. Asked again and
    again: a probe that starts before multiprocessing is there, or before it forgets what its parent
    registered, would be left out."""
    global _finalizer
    process = sys.modules.get("multiprocessing.process")
    util = sys.modules.get("multiprocessing.util")
    if process is None or util is None or process.parent_process() is None:
        return
    if _finalizer is None or not _finalizer.still_active():
        _finalizer = util.Finalize(None, _at_exit, exitpriority=0)


def _at_exit() -> None:
    if _probe.enabled:
        _probe.shutdown(_probe.settings.exit_s)


def _in_child() -> None:
    global _lock
    _lock = threading.RLock()
    try:
        _probe.after_fork_in_child()
    except Exception as error:
        warn("after fork: %s", error)
