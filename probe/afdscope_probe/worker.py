"""The encoding thread: takes ended steps, encodes or sums them, and hands them to the exporter.

It works under the worker's GIL, so it lets go of it after every few series: the worker's thread never
waits longer than those take, some hundred microseconds. Between its rounds it sleeps.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Callable, Dict, List, Optional, Tuple

from .bounds import within_bounds
from .clock import Clock
from .columns import StepColumns, columns_of
from .counters import Counters
from .exporter import Exporter, MetricsBody
from .hooks import MetricSource, StepRing
from .otlp import Metric, PackedStep, metrics_request
from .packed import StepEncoder, extent
from .sampling import Aggregates, is_sent
from .settings import Settings
from .steps import StepBuffer
from .telemetry import Telemetry

#: How long to let go of the GIL between two pieces of work: long enough that a waiting thread gets it.
GIVE_WAY_S = 50e-6
#: With more steps than this waiting it lets go of the GIL only between steps; with more than that not
#: even then, so that the interpreter's own switching shares the processor.
PATIENT_STEPS = 32
HURRIED_STEPS = 128
ANCHOR_EVERY_S = 10.0
AGGREGATE_EVERY_S = 10.0


class Encoder:
    """`take` gives the buffers that are ready (all, if its argument says so); `recycle` gets them back."""

    def __init__(
        self,
        settings: Settings,
        exporter: Exporter,
        counters: Counters,
        version: str,
        clock: Clock,
        take: Callable[[bool], List[StepBuffer]],
        recycle: Callable[[StepBuffer], None],
        ring: Optional[StepRing],
        on_round: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._exporter = exporter
        self._counters = counters
        self._version = version
        self._clock = clock
        self._take = take
        self._recycle = recycle
        self._ring = ring
        self._on_round = on_round
        self._sources: List[Tuple[MetricSource, float]] = []
        self.telemetry = Telemetry(counters, clock.now_unix_ns)
        self._reset()

    def _reset(self) -> None:
        now_s = time.monotonic()
        self._cond = threading.Condition()
        self._thread: Optional[threading.Thread] = None
        self._stopping = False
        #: Flushes that were asked for, and those that are done.
        self._asked = 0
        self._done = 0
        self._packed = StepEncoder(self._settings.encoding == "full", self._give_way)
        #: Steps that are still to be encoded in this round.
        self._behind = 0
        self._aggregates = Aggregates()
        self._aggregates_due_s = now_s + AGGREGATE_EVERY_S
        self._telemetry_due_s = now_s + self._settings.telemetry_s
        self._anchor_due_s = now_s + ANCHOR_EVERY_S
        self._source_due_s: Dict[int, float] = {}

    def after_fork(self) -> None:
        self._reset()
        self.telemetry.after_fork()

    @property
    def running(self) -> bool:
        return self._thread is not None

    def add_source(self, source: MetricSource, period_s: float) -> None:
        """Asks `source` for metrics once in `period_s` seconds, in this thread."""
        with self._cond:
            self._sources.append((source, period_s))

    def start(self) -> bool:
        """Starts the thread, if there is none. False: the interpreter starts none any more."""
        with self._cond:
            if self._thread is not None or self._stopping:
                return True
            thread = threading.Thread(target=self._run, name="afdscope-probe", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return False
            self._thread = thread
            return True

    def flush(self, until_s: float) -> bool:
        """Encodes everything that has ended, events of no step included. False: not by then."""
        with self._cond:
            self._asked += 1
            ticket = self._asked
            self._cond.notify_all()
            while self._done < ticket:
                left_s = until_s - time.monotonic()
                if left_s <= 0 or self._stopping:
                    return False
                self._cond.wait(left_s)
            return True

    def stop(self, until_s: float) -> None:
        with self._cond:
            self._stopping = True
            self._cond.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(0.0, until_s - time.monotonic()))

    def _run(self) -> None:
        cond = self._cond
        try:
            place_thread(self._settings)
        except Exception as error:
            self._counters.error("thread set-up", error)
        while True:
            with cond:
                if not self._stopping and self._asked == self._done:
                    cond.wait(self._settings.period_s)
                if self._stopping:
                    return
                asked = self._asked
            self.round(asked > self._done)
            with cond:
                self._done = asked
                cond.notify_all()

    def round(self, flush_all: bool) -> None:
        """Everything that is ready now. Never raises."""
        try:
            now_s = time.monotonic()
            if now_s >= self._anchor_due_s:
                self._anchor_due_s = now_s + ANCHOR_EVERY_S
                self._anchor()
            taken = self._take(flush_all)
            for index, buffer in enumerate(taken):
                self._behind = len(taken) - index
                try:
                    self._one(buffer)
                except Exception as error:
                    self._counters.error("encoding", error)
                    self._counters.drop("error", buffer.event_count())
                self._recycle(buffer)
                if self._behind <= HURRIED_STEPS:
                    time.sleep(GIVE_WAY_S)
            self._on_round()
            self._pulled()
            self._metrics(now_s, flush_all)
            self.telemetry.log_losses(now_s)
        except Exception as error:
            self._counters.error("encoding thread", error)

    def _give_way(self) -> None:
        """Lets another thread have the GIL, unless too much waits: a thread that never gives it up by
        itself keeps it for the interpreter's switch interval (5 ms) each time."""
        if self._behind <= PATIENT_STEPS:
            time.sleep(GIVE_WAY_S)

    def _one(self, buffer: StepBuffer) -> None:
        settings = self._settings
        sent = settings.mode == "all" or (
            settings.mode == "sample" and is_sent(buffer.step, settings.sample_every)
        )
        summed = settings.mode == "aggregates"
        if not sent and not summed and self._ring is None:
            self._counters.add("steps_not_sampled")
            self._counters.add("events_not_sampled", buffer.event_count())
            return
        columns = columns_of(buffer, self._give_way)
        self._counters.add("steps")
        self._counters.add("events", columns.events)
        for reason, count in columns.dropped.items():
            if reason in ("clamped", "bad_value", "on_device"):
                self._counters.add(reason, count)
                if reason == "on_device":
                    self._counters.say(reason, "measures of stages were left out: they lie in a GPU's memory,"
                                               " and the probe takes numbers of the host")
            else:
                self._counters.drop(reason, count)
        if not columns.series:
            return
        if summed:
            left_out = self._aggregates.add(columns, self._clock.now_unix_ns(), self._give_way)
            self._counters.drop("aggregates_full", left_out)
        if not sent and self._ring is None:
            return
        for part in within_bounds(columns):
            step = self._encoded(part)
            if sent:
                self._exporter.put([step])
            elif self._ring is not None:
                self._ring.keep(step)

    def _pulled(self) -> None:
        """Steps that were asked for, as many as leave half of the queue to those of now."""
        if self._ring is None:
            return
        room_bytes = self._settings.queue_bytes // 2 - self._exporter.queue_bytes
        steps = self._ring.due(room_bytes)
        if steps:
            self._counters.add("pulled_steps", len(steps))
            self._exporter.put(steps)

    def _encoded(self, columns: StepColumns) -> PackedStep:
        start_unix_ns, end_unix_ns = extent(columns)
        payload = self._packed.encode(columns)
        return PackedStep(payload, columns.events, columns.step, start_unix_ns, end_unix_ns)

    def _anchor(self) -> None:
        moved_ns = self._clock.anchor()
        if moved_ns != 0:
            self._counters.add("clock_moves")
            self._counters.say("clock", "unix time was set by %d ns; later steps follow it", moved_ns)

    def _metrics(self, now_s: float, flush_all: bool) -> None:
        if self._settings.mode == "aggregates" and (flush_all or now_s >= self._aggregates_due_s):
            self._aggregates_due_s = now_s + AGGREGATE_EVERY_S
            events = self._aggregates.events
            metric = self._aggregates.take(self._clock.now_unix_ns())
            if metric is not None:
                self._put_metrics([metric], events)
        metrics: List[Metric] = []
        for index, (source, period_s) in enumerate(list(self._sources)):
            if now_s < self._source_due_s.get(index, 0.0):
                continue
            self._source_due_s[index] = now_s + period_s
            try:
                metrics.extend(source())
            except Exception as error:
                self._counters.error("metric source", error)
        if self._settings.telemetry_s > 0 and now_s >= self._telemetry_due_s:
            self._telemetry_due_s = now_s + self._settings.telemetry_s
            metrics.extend(self.telemetry.metrics(self._exporter.queue_bytes))
        # These tell of now; while the collector is away they would only take the steps' room.
        if metrics and not self._exporter.failing:
            self._put_metrics(metrics, 0)

    def _put_metrics(self, metrics: List[Metric], events: int) -> None:
        body = metrics_request(self._exporter.resource, self._version, metrics)
        self._exporter.put([MetricsBody(body, events)])


def place_thread(settings: Settings) -> None:
    """Moves the calling thread to the cores and the niceness that are set, where the system can."""
    if settings.cpus and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, settings.cpus)
    if settings.nice and hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), settings.nice)
