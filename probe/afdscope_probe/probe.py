"""What a worker calls. No call raises, blocks or waits; mistakes are counted and said in the log."""

from __future__ import annotations

import threading
import time
from typing import Any, Dict, List, Optional, Tuple

from . import otlp
from .clock import Clock, perf_counter_ns
from .columns import MAX_WHOLE, PHASES
from .counters import Counters
from .exporter import Exporter
from .hooks import MetricSource, StepRing
from .settings import Attribute, Settings, new_incarnation
from .steps import ROW_BITS, StepBuffer, StepFull
from .transport import Transport
from .version import __version__
from .worker import Encoder, place_thread

#: A held step, and one that was not begun here, is sent after this long.
HOLD_NS = 2_000_000_000
ASIDE_NS = 1_000_000_000
#: Events that wait to be encoded, at most; then the oldest steps go.
MAX_WAITING_EVENTS = 1 << 19
MAX_WAITING_STEPS = 1024
MAX_ASIDE_STEPS = 64
POOLED_STEPS = 8
ANCHOR_EVERY_S = 10.0

_Key = Tuple[Optional[int], int]
NO_STEP = -1


class Probe:
    """Records the stage events of one worker process and sends them.

    One thread begins and ends a step's stages (several may, if each has micro-batches of its own);
    `record` may come from any thread. Times are integer nanoseconds of unix time.
    """

    enabled = True

    def __init__(self, settings: Settings, ring: Optional[StepRing] = None) -> None:
        self.settings = settings
        self.counters = Counters()
        self.clock = Clock()
        self.ring = ring
        transport = Transport(
            settings.headers,
            settings.traces_timeout_s,
            settings.compression,
            settings.certificate,
            f"afdscope-probe/{__version__} python",
        )
        self.exporter = Exporter(
            transport,
            settings.traces_url,
            settings.metrics_url,
            otlp.resource_bytes(settings.resource),
            __version__,
            self.counters,
            settings.queue_bytes,
            on_pull=self._pulled,
            setup=lambda: place_thread(settings),
        )
        self.encoder = Encoder(
            settings,
            self.exporter,
            self.counters,
            __version__,
            self.clock.now_unix_ns,
            self._take,
            self._recycle,
            ring,
            self._housekeeping,
        )
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._generation = 0
        self._pool: List[StepBuffer] = []
        self._waiting: List[StepBuffer] = []
        self._held: List[StepBuffer] = []
        #: Steps that `record` named and nobody began, and the events of no step.
        self._aside: Dict[_Key, StepBuffer] = {}
        self._open: Dict[Optional[int], StepBuffer] = {}
        #: Open, held and waiting steps.
        self._known: Dict[_Key, StepBuffer] = {}
        self._anchor_due_s = time.monotonic() + ANCHOR_EVERY_S
        self._shut = False
        self._no_step = self._new_aside((None, NO_STEP))
        self._current = self._no_step

    # What a worker calls for every event.

    def begin(self, stage: str, layer: int = -1, microbatch: int = -1) -> int:
        """The stage starts now. Gives the mark that `end` wants; -1 where it is not recorded."""
        try:
            buffer = self._current
            series = buffer.series.get((stage, microbatch))
            if series is None:
                series = buffer.add_series(stage, microbatch)
            starts = series.starts
            row = len(starts)
            if row >= series.limit:
                buffer.allow_rows(series)
            series.layers.append(layer)
            series.ends.append(0)
            starts.append(perf_counter_ns())
            return series.mark + row
        except StepFull:
            self.counters.drop("step_full", 1)
        except Exception as error:
            self.counters.error("begin", error)
        return -1

    def end(self, mark: int, **fields: Any) -> None:
        """The stage that gave `mark` ends now. `fields`: peer, kind, tokens, bytes, flops, requests,
        context_tokens, experts_active, experts_max_tokens, experts_mean_tokens, expert_tokens, peers."""
        now_ns = perf_counter_ns()
        try:
            series = self._current.by_mark.get(mark >> ROW_BITS)
            if series is None:
                self._end_elsewhere(mark, now_ns, fields)
                return
            row = mark & 0xFFFFF
            series.ends[row] = now_ns
            if fields:
                series.set_more(row, fields)
        except Exception as error:
            self.counters.error("end", error)

    def stage(
        self, stage: str, layer: int = -1, microbatch: int = -1, **fields: Any
    ) -> "StageContext":
        """`with probe.stage("attention", layer=3, microbatch=0, tokens=128): ...`"""
        return StageContext(self, stage, layer, microbatch, fields)

    def record(
        self,
        stage: str,
        start_unix_ns: int,
        duration_ns: int,
        layer: int = -1,
        microbatch: int = -1,
        peer: int = -1,
        kind: Optional[str] = None,
        step: Optional[int] = None,
        domain: Optional[int] = None,
        **measures: Any,
    ) -> None:
        """An event whose times are known from elsewhere. Without `step` it belongs to the step that is
        open; with it to that one, whether it is open, ended or was never begun here."""
        try:
            for _ in range(3):
                buffer = self._buffer_for(step, domain)
                if buffer.record(
                    stage, start_unix_ns, duration_ns, layer, microbatch, peer, kind, measures
                ):
                    return
            self.counters.drop("late", 1)
        except StepFull:
            self.counters.drop("step_full", 1)
        except Exception as error:
            self.counters.error("record", error)
            self.counters.drop("error", 1)

    # Steps.

    def begin_step(self, step: int, phase: str = "decode", domain: Optional[int] = None) -> None:
        """What is begun from now on belongs to this step. An open step of the same domain is ended."""
        try:
            number = _step_number(step)
            if phase not in PHASES:
                self.counters.say("phase", "phase %r is none of %s: decode", phase, PHASES)
                phase = "decode"
            with self._lock:
                before = self._open.pop(domain, None)
                if before is not None:
                    self._close(before)
                buffer = self._fresh(number, phase, domain)
                self._open[domain] = buffer
                self._known[(domain, number)] = buffer
                self._current = buffer
            if not self.encoder.running and not self._shut:
                self.encoder.start()
        except Exception as error:
            self.counters.error("begin_step", error)

    def end_step(self) -> None:
        """The step that was begun last has ended. Encoding happens in a thread of the probe's."""
        try:
            with self._lock:
                buffer = self._current
                if buffer is self._no_step:
                    return
                self._open.pop(buffer.domain, None)
                self._close(buffer)
                # With several domains open, the one before.
                self._current = next(reversed(list(self._open.values())), self._no_step)
        except Exception as error:
            self.counters.error("end_step", error)

    def step(self, step: int, phase: str = "decode", domain: Optional[int] = None) -> "StepContext":
        """`with probe.step(12): ...`"""
        return StepContext(self, step, phase, domain)

    def hold_step(self, step: int, domain: Optional[int] = None) -> None:
        """Events of this step are still to come by `record`: it is not sent before `release_step` was
        called as often, or 2 s after its end."""
        try:
            with self._lock:
                buffer = self._find(step, domain)
                if buffer is None:
                    self.counters.add("holds_too_late")
                else:
                    buffer.holds += 1
        except Exception as error:
            self.counters.error("hold_step", error)

    def release_step(self, step: int, domain: Optional[int] = None) -> None:
        try:
            with self._lock:
                buffer = self._find(step, domain)
                if buffer is None:
                    return
                buffer.holds = max(0, buffer.holds - 1)
                if buffer.holds == 0 and buffer in self._held:
                    self._held.remove(buffer)
                    self._wait(buffer)
        except Exception as error:
            self.counters.error("release_step", error)

    # The rest.

    def open_step(self) -> Tuple[Optional[int], Optional[int]]:
        """(step, domain) of what is begun now; step None: none is open."""
        buffer = self._current
        return (None if buffer.step == NO_STEP else buffer.step), buffer.domain

    def set_resource(self, key: str, value: Attribute) -> None:
        """From now on the worker's resource has this attribute."""
        self.settings.resource[key] = value
        self.exporter.resource = otlp.resource_bytes(self.settings.resource)

    def now_unix_ns(self) -> int:
        """The probe's clock: the same that begin and end read."""
        return perf_counter_ns() + self.clock.offset_ns

    def add_metric_source(self, source: MetricSource, period_s: float = 10.0) -> None:
        """Sends what `source()` gives, asked in a thread of the probe's once in `period_s` seconds."""
        try:
            self.encoder.add_source(source, period_s)
            if not self._shut:
                self.encoder.start()
        except Exception as error:
            self.counters.error("add_metric_source", error)

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Sends everything that has ended. False: not all of it was taken in time."""
        try:
            until_s = time.monotonic() + timeout_s
            if self._shut:
                return False
            if not self.encoder.start():
                self.encoder.round(True)
                return self.exporter.send_now(until_s)
            return self.encoder.flush(until_s) and self.exporter.wait_idle(until_s)
        except Exception as error:
            self.counters.error("flush", error)
            return False

    def shutdown(self, timeout_s: float = 5.0) -> None:
        """Ends open steps, sends what it can in that time, and ends the threads."""
        try:
            if self._shut:
                return
            until_s = time.monotonic() + timeout_s
            with self._lock:
                for buffer in self._open.values():
                    self._close(buffer)
                self._open.clear()
                self._current = self._no_step
                for buffer in self._held:
                    self._wait(buffer)
                self._held.clear()
            self.flush(timeout_s)
            self._shut = True
            self.encoder.stop(until_s)
            self.exporter.stop(until_s)
        except Exception as error:
            self.counters.error("shutdown", error)

    def stats(self) -> Dict[str, int]:
        """Counts since the start: events and steps encoded, sent_events, sent_bytes, retries, errors,
        queue_bytes, dropped_events in all and `dropped_events.<reason>`."""
        counts = self.counters.snapshot()
        for name in ("events", "steps", "sent_events", "sent_bytes", "retries", "errors"):
            counts.setdefault(name, 0)
        counts["queue_bytes"] = self.exporter.queue_bytes
        counts["dropped_events"] = sum(
            count for name, count in counts.items() if name.startswith("dropped_events.")
        )
        return counts

    def after_fork_in_child(self) -> None:
        """The child begins anew: nothing of the parent's is sent by it, and it is another worker
        process, so that its incarnation is another."""
        self.counters.after_fork()
        self.settings.resource["afd.incarnation"] = new_incarnation()
        self.exporter.after_fork(otlp.resource_bytes(self.settings.resource))
        self.encoder.after_fork()
        self._reset()

    # Buffers. All of these hold the lock, but `_buffer_for`.

    def _buffer_for(self, step: Optional[int], domain: Optional[int]) -> StepBuffer:
        if step is None:
            buffer = self._current
            if domain is None or domain == buffer.domain:
                return buffer
            with self._lock:
                return self._open.get(domain) or self._aside_for((domain, NO_STEP))
        with self._lock:
            found = self._find(step, domain)
            return self._aside_for((domain, _step_number(step))) if found is None else found

    def _find(self, step: int, domain: Optional[int]) -> Optional[StepBuffer]:
        current = self._current
        if current.step == step and domain in (None, current.domain):
            return current
        return self._known.get((domain, step))

    def _aside_for(self, key: _Key) -> StepBuffer:
        buffer = self._aside.get(key)
        if buffer is not None:
            return buffer
        if key == (None, NO_STEP):
            return self._no_step
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
        buffer = self._pool.pop() if self._pool else StepBuffer(self.settings.step_events)
        self._generation += 1
        buffer.reset(self._generation, step, phase, domain, self.clock.offset_ns)
        return buffer

    def _close(self, buffer: StepBuffer) -> None:
        if buffer.holds > 0:
            buffer.due_ns = perf_counter_ns() + HOLD_NS
            self._held.append(buffer)
        else:
            self._wait(buffer)

    def _wait(self, buffer: StepBuffer) -> None:
        self._waiting.append(buffer)
        if len(self._waiting) > MAX_WAITING_STEPS:
            self._drop_waiting()

    def _drop_waiting(self) -> None:
        oldest = self._waiting.pop(0)
        self._forget(oldest)
        self.counters.drop("encoder_behind", oldest.event_count())

    def _forget(self, buffer: StepBuffer) -> None:
        key = (buffer.domain, buffer.step)
        if self._known.get(key) is buffer:
            del self._known[key]

    def _end_elsewhere(self, mark: int, now_ns: int, fields: Dict[str, Any]) -> None:
        """`end` of a stage whose step is no longer the current one."""
        index = mark >> ROW_BITS
        with self._lock:
            for buffer in (*self._open.values(), *self._held, *self._waiting, *self._aside.values()):
                series = buffer.by_mark.get(index)
                if series is not None:
                    row = mark & 0xFFFFF
                    series.ends[row] = now_ns
                    if fields:
                        series.set_more(row, fields)
                    return
        if mark != -1:
            # Its row was counted as not ended.
            self.counters.add("ends_too_late")

    # Called by the encoding thread.

    def _take(self, flush_all: bool) -> List[StepBuffer]:
        """Buffers to encode now. Nothing is recorded in them any more."""
        now_ns = perf_counter_ns()
        with self._lock:
            for buffer in [one for one in self._held if one.due_ns <= now_ns]:
                self._held.remove(buffer)
                self._wait(buffer)
                self.counters.add("holds_timed_out")
            for key, buffer in list(self._aside.items()):
                if buffer.due_ns > now_ns and not flush_all:
                    continue
                if buffer is self._no_step:
                    if not buffer.all_series():
                        continue
                    self._no_step = self._new_aside(key)
                    if self._current is buffer:
                        self._current = self._no_step
                else:
                    del self._aside[key]
                self._wait(buffer)
            taken = self._waiting
            self._waiting = []
            for buffer in taken:
                self._forget(buffer)
        for buffer in taken:
            with buffer.lock:
                buffer.closed = True
        return taken

    def _recycle(self, buffer: StepBuffer) -> None:
        with self._lock:
            if len(self._pool) < POOLED_STEPS:
                self._pool.append(buffer)

    def _housekeeping(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._anchor_due_s:
            self._anchor_due_s = now_s + ANCHOR_EVERY_S
            moved_ns = self.clock.anchor()
            if moved_ns != 0:
                self.counters.say("clock", "unix time was set by %d ns; later steps follow it", moved_ns)

    def _pulled(self, header: str) -> None:
        if self.ring is not None:
            steps = list(self.ring.pull(header))
            if steps:
                self.counters.add("pulled_steps", len(steps))
                self.exporter.put(steps)


class StageContext:
    """One stage event; may be entered once."""

    __slots__ = ("_probe", "_stage", "_layer", "_microbatch", "_fields", "_mark")

    def __init__(
        self, probe: Probe, stage: str, layer: int, microbatch: int, fields: Dict[str, Any]
    ) -> None:
        self._probe = probe
        self._stage = stage
        self._layer = layer
        self._microbatch = microbatch
        self._fields = fields

    def __enter__(self) -> "StageContext":
        self._mark = self._probe.begin(self._stage, self._layer, self._microbatch)
        return self

    def __exit__(self, *_: object) -> None:
        self._probe.end(self._mark, **self._fields)


class StepContext:
    """One step."""

    __slots__ = ("_probe", "_step", "_phase", "_domain")

    def __init__(self, probe: Probe, step: int, phase: str, domain: Optional[int]) -> None:
        self._probe = probe
        self._step = step
        self._phase = phase
        self._domain = domain

    def __enter__(self) -> "StepContext":
        self._probe.begin_step(self._step, self._phase, self._domain)
        return self

    def __exit__(self, *_: object) -> None:
        self._probe.end_step()


class NullProbe(Probe):
    """Does nothing, at the cost of a call."""

    enabled = False

    def __init__(self) -> None:
        pass

    def begin(self, stage: str, layer: int = -1, microbatch: int = -1) -> int:
        return -1

    def end(self, mark: int, **fields: Any) -> None:
        pass

    def record(self, *args: Any, **measures: Any) -> None:
        pass

    def begin_step(self, step: int, phase: str = "decode", domain: Optional[int] = None) -> None:
        pass

    def end_step(self) -> None:
        pass

    def hold_step(self, step: int, domain: Optional[int] = None) -> None:
        pass

    def release_step(self, step: int, domain: Optional[int] = None) -> None:
        pass

    def open_step(self) -> Tuple[Optional[int], Optional[int]]:
        return None, None

    def set_resource(self, key: str, value: Attribute) -> None:
        pass

    def now_unix_ns(self) -> int:
        return time.time_ns()

    def add_metric_source(self, source: MetricSource, period_s: float = 10.0) -> None:
        pass

    def flush(self, timeout_s: float = 5.0) -> bool:
        return True

    def shutdown(self, timeout_s: float = 5.0) -> None:
        pass

    def stats(self) -> Dict[str, int]:
        return {}

    def after_fork_in_child(self) -> None:
        pass


def _step_number(step: Any) -> int:
    """Raises ValueError for what is no step's number."""
    number = int(step)
    if not 0 <= number < MAX_WHOLE:
        raise ValueError(f"step {step!r} is not from 0 to 2^53 - 2")
    return number


