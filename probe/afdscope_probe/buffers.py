"""Which buffer an event belongs to, and the way of a buffer: open, held, waiting, encoded, used again.

    begin_step ─▶ open ─end_step─▶ waiting ─take─▶ (encoding thread) ─recycle─▶ pool
                        └─ holds ─▶ held ──release, or 2 s──▶ waiting
    record of a step that is not known, events of no step ─▶ aside ──1 s──▶ waiting
"""

from __future__ import annotations

import operator
import threading
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Optional, Tuple

from .clock import perf_counter_ns
from .columns import MAX_SMALL, MAX_WHOLE, PHASES
from .counters import Counters
from .steps import ROW_BITS, ROW_MASK, StepBuffer

#: A held step is sent after this long, released or not.
HOLD_NS = 2_000_000_000
#: So long events of no step, or of one that was not begun here, are collected.
ASIDE_NS = 1_000_000_000
MAX_ASIDE_STEPS = 64
#: What waits to be encoded, at most; then the oldest steps go.
MAX_WAITING_EVENTS = 1 << 18
MAX_WAITING_STEPS = 4096
#: Buffers that are kept to be used again. Of these the least are left to rest: a thread that was
#: interrupted in `begin` may still write a row into the buffer that was taken from under it.
MAX_POOLED = 8
MIN_RESTING = 2

NO_STEP = -1
_Key = Tuple[Optional[int], int]


class Buffers:
    """All buffers of a process. Thread-safe; nothing here is called for every event but `current`."""

    def __init__(
        self, max_events: int, offset_ns: Callable[[], int], counters: Counters
    ) -> None:
        self._max_events = max_events
        self._offset_ns = offset_ns
        self._counters = counters
        self._generation = 0
        self._reset()

    def _reset(self) -> None:
        # Re-entrant: a signal handler, or a generator that the collector of garbage closes, may call the
        # probe in a thread that is in here already.
        self._lock = threading.RLock()
        self._pool: Deque[StepBuffer] = deque()
        self._waiting: Deque[StepBuffer] = deque()
        self._waiting_events = 0
        self._held: List[StepBuffer] = []
        self._aside: Dict[_Key, StepBuffer] = {}
        self._open: Dict[Optional[int], StepBuffer] = {}
        #: Open, held and waiting steps.
        self._known: Dict[_Key, StepBuffer] = {}
        self._no_step = self._new_aside((None, NO_STEP))
        #: Where `begin` writes.
        self.current = self._no_step

    def after_fork(self) -> None:
        """In the child: empty. Generations go on, so that no mark of the parent's is taken for one."""
        self._reset()

    def begin(self, step: Any, phase: str, domain: Optional[int]) -> None:
        """Opens a step, and ends the one that is open in its domain. Raises ValueError or TypeError
        for what is no step's number; events belong to no step then."""
        if phase not in PHASES:
            self._counters.say("phase", "phase %r is none of %s: decode", phase, ", ".join(PHASES))
            phase = "decode"
        if domain is not None:
            domain = operator.index(domain)
            if not 0 <= domain <= MAX_SMALL:
                raise ValueError(f"domain {domain} is not from 0 to 2^31 - 1")
        number, wrong = 0, None
        try:
            # Before the lock: an engine's own kind of number may take its time.
            number = step_number(step)
        except Exception as error:
            wrong = error
        with self._lock:
            before = self._open.pop(domain, None)
            if before is not None:
                self._close(before)
            self.current = self._no_step
            if wrong is not None:
                raise wrong
            buffer = self._fresh(number, phase, domain)
            self._open[domain] = buffer
            self._known[(domain, number)] = buffer
            self.current = buffer

    def end(self, step: Any = None, domain: Optional[int] = None) -> None:
        """Ends the step that was begun last; with `step` that one, if it is still open."""
        number = None if step is None else step_number(step)
        with self._lock:
            buffer = self.current if number is None else self._open.get(domain)
            if buffer is None or buffer is self._no_step or number not in (None, buffer.step):
                return
            self._open.pop(buffer.domain, None)
            self._close(buffer)
            if self.current is buffer:
                # With several domains open, the one before.
                self.current = next(reversed(list(self._open.values())), self._no_step)

    def end_all(self) -> None:
        """Ends every step, held ones too."""
        with self._lock:
            for buffer in (*self._open.values(), *self._held):
                self._wait(buffer)
            self._open.clear()
            self._held.clear()
            self.current = self._no_step

    def end_for_good(self) -> None:
        """Nothing is recorded any more: what is tried raises StepFull, so that it is counted and takes
        no memory."""
        with self._lock:
            self._max_events = 0
            self._pool.clear()
            self._waiting.clear()
            self._waiting_events = 0
            self._known.clear()
            self._aside.clear()
            self._no_step = self._new_aside((None, NO_STEP))
            self.current = self._no_step

    def hold(self, step: int, domain: Optional[int]) -> None:
        with self._lock:
            buffer = self._find(step, domain)
            if buffer is None:
                self._counters.add("holds_too_late")
                return
            buffer.holds += 1
            if buffer in self._waiting:
                self._waiting.remove(buffer)
                self._waiting_events -= buffer.event_count()
                self._close(buffer)

    def release(self, step: int, domain: Optional[int]) -> None:
        with self._lock:
            buffer = self._find(step, domain)
            if buffer is None:
                return
            buffer.holds = max(0, buffer.holds - 1)
            if buffer.holds == 0 and buffer in self._held:
                self._held.remove(buffer)
                self._wait(buffer)

    def buffer_for(self, step: Optional[int], domain: Optional[int]) -> StepBuffer:
        """Where `record` writes: the step that is open where none is named."""
        if step is None:
            buffer = self.current
            if domain is None or domain == buffer.domain:
                return buffer
            with self._lock:
                return self._open.get(domain) or self._aside_for((domain, NO_STEP))
        with self._lock:
            found = self._find(step, domain)
            return self._aside_for((domain, step_number(step))) if found is None else found

    def end_elsewhere(self, mark: int, now_ns: int, fields: Dict[str, Any]) -> None:
        """`end` of a stage whose step is no longer the current one."""
        if mark < 0:
            return
        index = mark >> ROW_BITS
        with self._lock:
            for buffer in (*self._open.values(), *self._held, *self._waiting, *self._aside.values()):
                series = buffer.by_mark.get(index)
                if series is not None:
                    row = mark & ROW_MASK
                    series.ends[row] = now_ns
                    if fields:
                        series.set_more(row, fields)
                    return
        # Its row was counted as not ended.
        self._counters.add("ends_too_late")

    def take(self, flush_all: bool) -> List[StepBuffer]:
        """What is to be encoded now; nothing is recorded in it any more. `flush_all`: what lies aside,
        too, however young."""
        now_ns = perf_counter_ns()
        with self._lock:
            for buffer in [one for one in self._held if one.due_ns <= now_ns]:
                self._held.remove(buffer)
                if buffer.holds > 0:
                    self._counters.add("holds_timed_out")
                self._wait(buffer)
            for key, buffer in list(self._aside.items()):
                if buffer.due_ns <= now_ns or flush_all:
                    self._turn(key, buffer)
            taken = list(self._waiting)
            self._waiting.clear()
            self._waiting_events = 0
            for buffer in taken:
                self._forget(buffer)
        for buffer in taken:
            with buffer.lock:
                buffer.closed = True
        return taken

    def recycle(self, buffer: StepBuffer) -> None:
        with self._lock:
            if len(self._pool) < MAX_POOLED:
                self._pool.append(buffer)

    # All of these hold the lock.

    def _turn(self, key: _Key, buffer: StepBuffer) -> None:
        """What lies aside goes on its way."""
        if buffer is not self._no_step:
            del self._aside[key]
            self._wait(buffer)
            return
        all_series = buffer.all_series()
        if not all_series:
            return
        self._no_step = self._new_aside(key)
        if self.current is buffer:
            self.current = self._no_step
        if any(0 in series.ends for series in all_series):
            # Their ends still come.
            buffer.due_ns = perf_counter_ns() + HOLD_NS
            self._held.append(buffer)
        else:
            self._wait(buffer)

    def _find(self, step: int, domain: Optional[int]) -> Optional[StepBuffer]:
        current = self.current
        if current.step == step and domain in (None, current.domain):
            return current
        return self._known.get((domain, step))

    def _aside_for(self, key: _Key) -> StepBuffer:
        buffer = self._aside.get(key)
        if buffer is not None:
            return buffer
        if len(self._aside) >= MAX_ASIDE_STEPS:
            oldest = next(old for old in self._aside if self._aside[old] is not self._no_step)
            self._wait(self._aside.pop(oldest))
        return self._new_aside(key)

    def _new_aside(self, key: _Key) -> StepBuffer:
        buffer = self._fresh(key[1], "decode", key[0])
        buffer.due_ns = perf_counter_ns() + ASIDE_NS
        self._aside[key] = buffer
        return buffer

    def _fresh(self, step: int, phase: str, domain: Optional[int]) -> StepBuffer:
        buffer = (
            self._pool.popleft() if len(self._pool) > MIN_RESTING else StepBuffer(self._max_events)
        )
        self._generation += 1
        buffer.reset(self._generation, step, phase, domain, self._offset_ns())
        return buffer

    def _close(self, buffer: StepBuffer) -> None:
        if buffer.holds > 0:
            buffer.due_ns = perf_counter_ns() + HOLD_NS
            self._held.append(buffer)
        else:
            self._wait(buffer)

    def _wait(self, buffer: StepBuffer) -> None:
        self._waiting.append(buffer)
        self._waiting_events += buffer.event_count()
        while len(self._waiting) > 1 and (
            len(self._waiting) > MAX_WAITING_STEPS or self._waiting_events > MAX_WAITING_EVENTS
        ):
            oldest = self._waiting.popleft()
            events = oldest.event_count()
            self._waiting_events -= events
            self._forget(oldest)
            self._counters.drop("encoder_behind", events)

    def _forget(self, buffer: StepBuffer) -> None:
        key = (buffer.domain, buffer.step)
        if self._known.get(key) is buffer:
            del self._known[key]


def step_number(step: Any) -> int:
    """Raises ValueError or TypeError for what is no step's number."""
    number = operator.index(step)
    if not 0 <= number < MAX_WHOLE:
        raise ValueError(f"step {number} is not from 0 to 2^53 - 2")
    return number
