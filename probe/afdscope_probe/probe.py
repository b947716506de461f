"""What a worker calls. No call raises, blocks or waits; mistakes are counted and said in the log."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, Optional, Tuple

from . import otlp
from .buffers import NO_STEP, Buffers
from .clock import Clock, perf_counter_ns
from .contexts import StageContext, StepContext
from .counters import Counters
from .exporter import Exporter
from .hooks import MetricSource, StepRing
from .ring import HELLO_S, RING_HEADER
from .settings import Attribute, Settings, new_incarnation
from .steps import ROW_BITS, ROW_MASK, StepFull
from .transport import Transport
from .version import __version__
from .worker import Encoder, place_thread

#: Times that `record` looks for a buffer anew where the one it found was just taken.
RECORD_TRIES = 3


class Probe:
    """Records the stage events of one worker process and sends them.

    One thread begins and ends a step's stages (several may, if each has micro-batches of its own);
    `record` may come from any thread. Times are integer nanoseconds of unix time.
    """

    enabled = True
    _shut = False

    def __init__(
        self,
        settings: Settings,
        ring: Optional[StepRing] = None,
        on_thread: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_thread` is called when a process's first thread of the probe starts, and in that thread
        in every round."""
        self.settings = settings
        self.counters = Counters()
        self.clock = Clock()
        self.ring = ring
        self._on_thread = on_thread
        self._buffers = Buffers(settings.step_events, self._offset_ns, self.counters)
        transport = Transport(
            settings.headers if ring is None else {**settings.headers, RING_HEADER: ring.header},
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
            self.clock,
            self._buffers.take,
            self._buffers.recycle,
            ring,
            on_thread,
        )
        if ring is not None:
            self.encoder.add_source(ring.metrics, HELLO_S)

    # For every event.

    def begin(self, stage: str, layer: int = -1, microbatch: int = -1) -> int:
        """The stage starts now. Gives the mark that `end` wants; -1 where it is not recorded."""
        try:
            buffer = self._buffers.current
            series = buffer.series.get((stage, microbatch))
            if series is None:
                series = buffer.add_series(stage, microbatch)
                self._need_thread()
            starts = series.starts
            row = len(starts)
            if row >= series.limit:
                buffer.allow_rows(series)
            series.layers.append(layer)
            series.ends.append(0)
            starts.append(perf_counter_ns())
            return series.mark + row
        except StepFull:
            self._full()
        except Exception as error:
            self.counters.error("begin", error)
            self.counters.drop("error", 1)
        return -1

    def end(self, mark: int, /, **fields: Any) -> None:
        """The stage that gave `mark` ends now. `fields`: peer, kind, tokens, bytes, flops, requests,
        context_tokens, experts_active, experts_max_tokens, experts_mean_tokens, expert_tokens, peers."""
        now_ns = perf_counter_ns()
        try:
            series = self._buffers.current.by_mark.get(mark >> ROW_BITS)
            if series is None:
                self._buffers.end_elsewhere(mark, now_ns, fields)
                return
            row = mark & ROW_MASK
            series.ends[row] = now_ns
            if fields:
                series.set_more(row, fields)
        except Exception as error:
            self.counters.error("end", error)

    def stage(
        self, stage: str, layer: int = -1, microbatch: int = -1, **fields: Any
    ) -> StageContext:
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
            for _ in range(RECORD_TRIES):
                buffer = self._buffers.buffer_for(step, domain)
                if buffer.record(
                    stage, start_unix_ns, duration_ns, layer, microbatch, peer, kind, measures
                ):
                    if not self.encoder.running:
                        self._need_thread()
                    return
            self.counters.drop("late", 1)
        except StepFull:
            self._full()
        except Exception as error:
            self.counters.error("record", error)
            self.counters.drop("error", 1)

    # Steps.

    def begin_step(self, step: int, phase: str = "decode", domain: Optional[int] = None) -> None:
        """What is begun from now on belongs to this step. An open step of the same domain is ended."""
        try:
            self._buffers.begin(step, phase, domain)
            if not self.encoder.running:
                self._need_thread()
        except Exception as error:
            self.counters.error("begin_step", error)

    def end_step(self, step: Optional[int] = None, domain: Optional[int] = None) -> None:
        """The step that was begun last has ended, or the one that is named, if it is still open.
        Encoding happens in a thread of the probe's."""
        try:
            self._buffers.end(step, domain)
        except Exception as error:
            self.counters.error("end_step", error)

    def step(self, step: int, phase: str = "decode", domain: Optional[int] = None) -> StepContext:
        """`with probe.step(12): ...`"""
        return StepContext(self, step, phase, domain)

    def hold_step(self, step: int, domain: Optional[int] = None) -> None:
        """Events of this step are still to come by `record`: it is not sent before `release_step` was
        called as often, or 2 s after its end."""
        try:
            self._buffers.hold(step, domain)
        except Exception as error:
            self.counters.error("hold_step", error)

    def release_step(self, step: int, domain: Optional[int] = None) -> None:
        """See `hold_step`."""
        try:
            self._buffers.release(step, domain)
        except Exception as error:
            self.counters.error("release_step", error)

    def open_step(self) -> Tuple[Optional[int], Optional[int]]:
        """(step, domain) of what is begun now; step None: none is open."""
        buffer = self._buffers.current
        return (None if buffer.step == NO_STEP else buffer.step), buffer.domain

    # The rest.

    def set_resource(self, key: str, value: Attribute) -> None:
        """From now on the worker's resource has this attribute."""
        try:
            self.settings.resource[key] = value
            self.exporter.resource = otlp.resource_bytes(self.settings.resource)
        except Exception as error:
            self.counters.error("set_resource", error)

    def now_unix_ns(self) -> int:
        """The probe's clock: the same that begin and end read."""
        return perf_counter_ns() + self.clock.offset_ns

    def add_metric_source(self, source: MetricSource, period_s: float = 10.0) -> None:
        """Sends what `source()` gives, asked in a thread of the probe's once in `period_s` seconds."""
        try:
            self.encoder.add_source(source, period_s)
            self._need_thread()
        except Exception as error:
            self.counters.error("add_metric_source", error)

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Sends everything that has ended. False: not all of it was taken in time."""
        try:
            if self._shut:
                return False
            until_s = time.monotonic() + timeout_s
            self._need_thread()
            if not self.encoder.running:
                # The interpreter is ending, and starts no threads any more.
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
            self._buffers.end_all()
            self.flush(timeout_s)
            self._shut = True
            self.encoder.stop(until_s)
            self._buffers.end_for_good()
            self.exporter.stop(until_s)
            self.encoder.telemetry.log_losses(last=True)
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
        self._buffers.after_fork()
        self.exporter.after_fork(otlp.resource_bytes(self.settings.resource))
        self.encoder.after_fork()
        if self.ring is not None:
            self.ring.clear()

    @property
    def is_shut(self) -> bool:
        """Whether `shutdown` was called."""
        return self._shut

    def _full(self) -> None:
        self.counters.drop("shutdown" if self._shut else "step_full", 1)

    def _offset_ns(self) -> int:
        return self.clock.offset_ns

    def _need_thread(self) -> None:
        if not self._shut and not self.encoder.running and self.encoder.start():
            self._on_thread()

    def _pulled(self, header: str) -> None:
        if self.ring is not None:
            self.ring.pull(header)
