"""One step's events while they are recorded.

Events that agree in stage and micro-batch lie in one `Series`, as plain lists that are emptied and used
again: that is the shape of the packed format, so that encoding need not group anything, and lists take
what CPython's C functions are fastest with (docs/decisions/0022-probe.md has the figures).

Times are `perf_counter_ns`; the buffer knows what to add for unix time.
"""

from __future__ import annotations

import operator
import threading
import time
from typing import Any, Dict, List, Optional, Tuple

#: A mark is the buffer's generation, the series' index and the row, in so many bits.
ROW_BITS = 20
SERIES_BITS = 16
MAX_ROWS = 1 << ROW_BITS
ROW_MASK = MAX_ROWS - 1
MAX_SERIES = 1 << SERIES_BITS
#: Rows that a series may have before the step's bound is looked at; then twice as many, and so on.
FIRST_ROWS = 16
#: A buffer with more series than these is used again without them.
MAX_KEPT_SERIES = 2048
#: Series without a row in this many steps are forgotten.
FORGET_AFTER_STEPS = 256


class StepFull(Exception):
    """The step has as many events as settings.step_events allows."""


class Series:
    """Rows of one stage and micro-batch. Row i is `starts[i]`, `ends[i]` (0: not ended), `layers[i]`."""

    __slots__ = ("stage", "microbatch", "peer", "kind", "starts", "ends", "layers", "more", "mark",
                 "limit", "unused")

    def __init__(
        self, stage: str, microbatch: int, peer: int = -1, kind: Optional[str] = None
    ) -> None:
        self.stage = stage
        self.microbatch = microbatch
        self.peer = peer
        self.kind = kind
        self.starts: List[int] = []
        self.ends: List[int] = []
        self.layers: List[int] = []
        #: Other fields by name: the rows that have it, and their values.
        self.more: Dict[str, Tuple[List[int], List[Any]]] = {}
        #: The mark of row 0.
        self.mark = 0
        self.limit = 0
        self.unused = 0

    def set_more(self, row: int, fields: Dict[str, Any]) -> None:
        """What is known of a row beyond its times, as it is now. Values are checked when they are
        encoded."""
        more = self.more
        for name, value in fields.items():
            if type(value) is not int:
                value = as_it_is_now(value)
            column = more.get(name)
            if column is None:
                column = more[name] = ([], [])
            column[0].append(row)
            column[1].append(value)

    def clear(self) -> None:
        self.unused = 0 if self.starts else self.unused + 1
        self.starts.clear()
        self.ends.clear()
        self.layers.clear()
        if self.more:
            self.more.clear()
        self.limit = 0


class OnDevice:
    """Stands for a value in a GPU's memory, which the probe neither waits for nor copies."""


ON_DEVICE = OnDevice()


def as_it_is_now(value: Any) -> Any:
    """A copy of what may change before it is encoded: a list of counts that the worker fills again.
    ON_DEVICE for what only the device knows; reading it would wait for the device, and break a graph
    that is being captured."""
    kind = type(value)
    if kind is list:
        return value[:]
    if kind in _FIXED:
        return value
    try:
        if getattr(getattr(value, "device", None), "type", "cpu") != "cpu" or hasattr(
            value, "__cuda_array_interface__"
        ):
            return ON_DEVICE
        give_list = getattr(value, "tolist", None)
        return value if give_list is None else give_list()
    except Exception:
        return value


_FIXED = (float, tuple, str, bool, range, type(None))


class StepBuffer:
    """The events of one step of one domain."""

    __slots__ = ("step", "phase", "domain", "offset_ns", "series", "recorded", "by_mark", "mark_base",
                 "max_events", "events_allowed", "lock", "holds", "due_ns", "begun_ns", "closed")

    def __init__(self, max_events: int) -> None:
        self.max_events = max_events
        self.series: Dict[Tuple[str, int], Series] = {}
        #: Of `record`, which other threads may call: apart, and under the lock.
        self.recorded: Dict[Tuple[str, int, int, Optional[str]], Series] = {}
        self.lock = threading.RLock()
        self.by_mark: Dict[int, Series] = {}
        self.reset(0, -1, "decode", None, 0)

    def reset(
        self, generation: int, step: int, phase: str, domain: Optional[int], offset_ns: int
    ) -> None:
        """Empties the buffer for a new step. `offset_ns` makes unix time of `perf_counter_ns`."""
        self.step = step
        self.phase = phase
        self.domain = domain
        self.offset_ns = offset_ns
        self.holds = 0
        self.due_ns = 0
        self.begun_ns = time.perf_counter_ns()
        self.closed = False
        self.events_allowed = self.max_events
        self.mark_base = generation << SERIES_BITS
        by_mark = self.by_mark
        by_mark.clear()
        if len(self.series) + len(self.recorded) > MAX_KEPT_SERIES:
            self.series.clear()
            self.recorded.clear()
        for key, series in list(self.series.items()):
            series.clear()
            if series.unused > FORGET_AFTER_STEPS:
                del self.series[key]
                continue
            self._give_mark(series)
        for record_key, series in list(self.recorded.items()):
            series.clear()
            if series.unused > FORGET_AFTER_STEPS:
                del self.recorded[record_key]

    def add_series(self, stage: str, microbatch: int) -> Series:
        if not isinstance(stage, str):
            stage = str(stage)
        number = _small(microbatch)
        found = self.series.get((stage, number))
        if found is not None:
            return found
        if len(self.by_mark) >= MAX_SERIES - 1:
            raise StepFull
        series = Series(stage, number)
        self._give_mark(series)
        self.series[(stage, number)] = series
        return series

    def allow_rows(self, series: Series) -> None:
        """Lets the series grow. Raises StepFull where the step has all that it may."""
        rows = min(max(FIRST_ROWS, series.limit), self.events_allowed, MAX_ROWS - series.limit)
        if rows <= 0:
            raise StepFull
        self.events_allowed -= rows
        series.limit += rows

    def record(
        self,
        stage: str,
        start_unix_ns: int,
        duration_ns: int,
        layer: int,
        microbatch: int,
        peer: int,
        kind: Optional[str],
        fields: Dict[str, Any],
    ) -> bool:
        """An event whose times are known. May be called from any thread. False: the step was taken
        to be encoded. Raises StepFull."""
        start = start_unix_ns - self.offset_ns
        end = start + duration_ns
        key = (stage, microbatch, peer, kind)
        with self.lock:
            if self.closed:
                return False
            series = self.recorded.get(key)
            if series is None:
                if len(self.recorded) >= MAX_SERIES - 1:
                    raise StepFull
                series = Series(str(stage), _small(microbatch), _small(peer), kind)
                self.recorded[key] = series
            row = len(series.starts)
            if row >= series.limit:
                self.allow_rows(series)
            series.starts.append(start)
            series.ends.append(end)
            series.layers.append(layer)
            if fields:
                series.set_more(row, fields)
        return True

    def all_series(self) -> List[Series]:
        """Those with rows."""
        # Copies first: a signal handler or another thread may add one meanwhile.
        every = [*list(self.series.values()), *list(self.recorded.values())]
        return [series for series in every if series.starts]

    def event_count(self) -> int:
        return sum(len(series.starts) for series in self.all_series())

    def _give_mark(self, series: Series) -> None:
        index = self.mark_base + len(self.by_mark)
        self.by_mark[index] = series
        series.mark = index << ROW_BITS


def _small(value: Any) -> int:
    """A micro-batch or peer: -1 where it is none."""
    try:
        number = operator.index(value)
    except TypeError:
        return -1
    return number if 0 <= number < 2**31 else -1
