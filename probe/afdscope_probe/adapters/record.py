"""Where the adapters put their times: the GPU timer's events where there is one, else host times.

Host times of GPU work say when it was launched, not when it ran: ``auto`` puts ``afd.timing=host`` into
the resource, which the GPU timer changes when it has device times.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import sys
import time
from typing import Any, Callable, Dict, Optional, Tuple

from . import guards

_log = logging.getLogger("afdscope_probe")

#: A started event: what will end it (the GPU timer, the probe, or None: its times are recorded as a
#: whole), the mark or the start in unix ns, stage, layer, micro-batch, measures.
Started = Tuple[Any, Any, str, int, int, Optional[Dict[str, Any]]]


class Recorder:
    """One for the process; asks for the probe as late as possible, since engines tell role and rank late."""

    def __init__(self, get_probe: Callable[[], Any]) -> None:
        self._get_probe = get_probe
        self._probe: Any = None
        self._now: Callable[[], int] = time.time_ns
        self._timer: Any = None
        self._timer_asked = False
        self._end_takes_measures = False

    @property
    def probe(self) -> Any:
        """The probe that was started, or the one that does nothing."""
        probe = self._get_probe()
        if probe is not self._probe:
            self._probe = probe
            self._now = getattr(probe, "now_unix_ns", None) or time.time_ns
            self._timer = None
            self._timer_asked = False
        return probe

    def forget(self) -> None:
        """Ask for probe and timer anew."""
        self._probe = None
        self._timer = None
        self._timer_asked = False

    @property
    def marks_captures(self) -> bool:
        """Whether stages in the graph that is being captured get events of their own."""
        return getattr(self._timer, "capture", None) is not None

    def now(self) -> int:
        """Unix nanoseconds of the probe's clock."""
        return self._now()

    @property
    def timer(self) -> Any:
        """The GPU timer for work on the current stream; None without CUDA or without one."""
        if self._timer_asked or not guards.has_torch:
            return self._timer
        torch = sys.modules.get("torch")
        if torch is None:
            return None
        cuda = getattr(torch, "cuda", None)
        ready = getattr(cuda, "is_initialized", None)
        if ready is None or not ready():
            return None
        if not getattr(self.probe, "enabled", True):
            return None
        self._timer_asked = True
        try:
            gpu = importlib.import_module("afdscope_probe.gpu")
            self._timer = gpu.timer_for(self.probe)
        except ImportError:
            pass
        except Exception:
            _log.warning("afdscope: no GPU timer", exc_info=True)
        if self._timer is None:
            _log.warning("afdscope: CUDA is in use and there is no GPU timer: times are those of launches on the host")
        else:
            self._end_takes_measures = _takes_keywords(self._timer.end)
        return self._timer

    def begin(self, stage: str, layer: int, microbatch: int, measures: Optional[Dict[str, Any]] = None) -> Started:
        """Start of an event; what is known of it already goes along."""
        if guards.has_torch:
            timer = self._timer if self._timer_asked else self.timer
            if timer is not None:
                mark = timer.begin(stage, layer, microbatch, **(measures or {}))
                return (timer, mark, stage, layer, microbatch, None)
        probe = self._get_probe()
        if probe is not self._probe:
            self.probe
        return (probe, probe.begin(stage, layer, microbatch), stage, layer, microbatch, measures)

    def begin_late(self, stage: str, layer: int, microbatch: int, measures: Optional[Dict[str, Any]] = None) -> Started:
        """Start of an event whose layer or micro-batch may turn out to be others: on the host they may
        be given at its end. The GPU timer takes those that are expected now."""
        if guards.has_torch:
            timer = self._timer if self._timer_asked else self.timer
            if timer is not None:
                mark = timer.begin(stage, layer, microbatch, **(measures or {}))
                return (timer, mark, stage, layer, microbatch, None)
        if self._get_probe() is not self._probe:
            self.probe
        return (None, self._now(), stage, layer, microbatch, measures)

    def end(
        self,
        started: Started,
        layer: Optional[int] = None,
        microbatch: Optional[int] = None,
        measures: Optional[Dict[str, Any]] = None,
    ) -> None:
        """End of an event. Late ones take another layer and micro-batch; the GPU timer takes measures
        where its ``end`` does."""
        backend, mark, stage, first_layer, first_microbatch, known = started
        if backend is None:
            end_unix_ns = self._now()
            if known is None:
                known = measures or {}
            elif measures:
                known = {**known, **measures}
            self._get_probe().record(
                stage,
                mark,
                end_unix_ns - mark,
                first_layer if layer is None else layer,
                first_microbatch if microbatch is None else microbatch,
                **known,
            )
            return
        if backend is self._timer:
            if self._end_takes_measures and measures:
                backend.end(mark, **measures)
            else:
                backend.end(mark)
            return
        if known is None:
            known = measures
        elif measures:
            known = {**known, **measures}
        if known:
            backend.end(mark, **known)
        else:
            backend.end(mark)

    def step_ended(self) -> None:
        """Between steps: where the GPU timer cannot have a thread it looks for finished events now."""
        after = getattr(self._timer, "after_step", None)
        if after is not None:
            after()

    def record(self, stage: str, start_unix_ns: int, duration_ns: int, **more: Any) -> None:
        """An event whose times are known."""
        self.probe.record(stage, start_unix_ns, duration_ns, **more)


def _takes_keywords(function: Any) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters)
