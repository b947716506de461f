"""The encoding thread: takes ended steps, encodes or sums them, and hands them to the exporter.

It holds the GIL only for one series at a time and sleeps between them, so that the worker's thread never
waits longer than for one series (some ten microseconds).
"""

from __future__ import annotations

import threading
import time
from typing import Callable, Dict, List, Optional, Tuple

from .columns import StepColumns, columns_of
from .counters import Counters
from .exporter import Exporter, MetricsBody
from .hooks import MetricSource, StepRing
from .otlp import Metric, PackedStep, metrics_request
from .packed import StepEncoder, extent
from .sampling import Aggregates, is_sent
from .settings import Settings
from .steps import StepBuffer

#: How long to let go of the GIL between two pieces of work.
GIVE_WAY_S = 50e-6
AGGREGATE_PERIOD_S = 10.0
#: A packed step has no more events than this.
MAX_EVENTS_PER_STEP = 1 << 20


class Encoder:
    """`take` gives the buffers that are ready, `recycle` gets each back."""

    def __init__(
        self,
        settings: Settings,
        exporter: Exporter,
        counters: Counters,
        version: str,
        now_unix_ns: Callable[[], int],
        take: Callable[[bool], List[StepBuffer]],
        recycle: Callable[[StepBuffer], None],
        ring: Optional[StepRing],
        housekeeping: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._exporter = exporter
        self._counters = counters
        self._version = version
        self._now_unix_ns = now_unix_ns
        self._take = take
        self._recycle = recycle
        self._ring = ring
        self._housekeeping = housekeeping
        self._sources: List[Tuple[MetricSource, float]] = []
        self._reset()

    def _reset(self) -> None:
        self._cond = threading.Condition()
        self._thread: Optional[threading.Thread] = None
        self._stopping = False
        self._flush_all = False
        self._rounds = 0
        self._packed = StepEncoder(self._settings.encoding == "full", _give_way)
        self._aggregates = Aggregates()
        self._aggregates_due_s = 0.0
        self._source_due_s: Dict[int, float] = {}

    def after_fork(self) -> None:
        self._reset()

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

    def wake(self) -> None:
        with self._cond:
            self._cond.notify_all()

    def flush(self, until_s: float) -> bool:
        """Encodes everything that has ended, events of no step included. False: not by then."""
        with self._cond:
            if self._thread is None or self._stopping:
                return False
            self._flush_all = True
            # A round may be under way that began before.
            wanted = self._rounds + (2 if not self._waiting else 1)
            self._cond.notify_all()
            while self._rounds < wanted:
                left_s = until_s - time.monotonic()
                if left_s <= 0 or self._stopping:
                    return False
                self._flush_all = True
                self._cond.notify_all()
                self._cond.wait(min(left_s, 0.05))
            return True

    _waiting = False

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
                if not self._stopping and not self._flush_all:
                    self._waiting = True
                    cond.wait(self._settings.period_s)
                    self._waiting = False
                if self._stopping:
                    return
                flush_all = self._flush_all
                self._flush_all = False
            self.round(flush_all)
            with cond:
                self._rounds += 1
                cond.notify_all()

    def round(self, flush_all: bool) -> None:
        """Everything that is ready now. Never raises."""
        try:
            self._housekeeping()
            for buffer in self._take(flush_all):
                try:
                    self._one(buffer)
                except Exception as error:
                    self._counters.error("encoding", error)
                    self._counters.drop("error", buffer.event_count())
                self._recycle(buffer)
                time.sleep(GIVE_WAY_S)
            self._metrics(flush_all)
        except Exception as error:
            self._counters.error("encoding thread", error)

    def _one(self, buffer: StepBuffer) -> None:
        settings = self._settings
        columns = columns_of(buffer, _give_way)
        events = columns.events
        self._counters.add("steps")
        self._counters.add("events", events)
        for reason, count in columns.dropped.items():
            if reason in ("clamped", "bad_value"):
                self._counters.add(reason, count)
            else:
                self._counters.drop(reason, count)
        if events == 0:
            return
        if settings.mode == "aggregates":
            self._aggregates.add(columns, self._now_unix_ns())
        sent = settings.mode == "all" or (
            settings.mode == "sample" and is_sent(columns.step, settings.sample_every)
        )
        if not sent and self._ring is None:
            self._counters.add("events_not_sampled", events)
            return
        for part in _within_bounds(columns):
            step = self._encoded(part)
            if sent:
                self._exporter.put([step])
            elif self._ring is not None:
                self._ring.keep(step.payload, step.start_unix_ns, step.end_unix_ns)

    def _encoded(self, columns: StepColumns) -> PackedStep:
        start_unix_ns, end_unix_ns = extent(columns)
        payload = self._packed.encode(columns)
        return PackedStep(payload, columns.events, columns.step, start_unix_ns, end_unix_ns)

    def _metrics(self, flush_all: bool) -> None:
        now_s = time.monotonic()
        metrics: List[Metric] = []
        if self._settings.mode == "aggregates" and (flush_all or now_s >= self._aggregates_due_s):
            events = self._aggregates.events
            metric = self._aggregates.take(self._now_unix_ns())
            self._aggregates_due_s = now_s + AGGREGATE_PERIOD_S
            if metric is not None:
                self._put_metrics([metric], events)
        for index, (source, period_s) in enumerate(list(self._sources)):
            if now_s < self._source_due_s.get(index, 0.0):
                continue
            self._source_due_s[index] = now_s + period_s
            try:
                metrics.extend(source())
            except Exception as error:
                self._counters.error("metric source", error)
        if metrics:
            self._put_metrics(metrics, 0)

    def _put_metrics(self, metrics: List[Metric], events: int) -> None:
        body = metrics_request(self._exporter.resource, self._version, metrics)
        self._exporter.put([MetricsBody(body, events)])


def _give_way() -> None:
    time.sleep(GIVE_WAY_S)


def _within_bounds(columns: StepColumns) -> List[StepColumns]:
    """The same events in as many packed steps as the format's bounds ask for."""
    if columns.events <= MAX_EVENTS_PER_STEP:
        return [columns]
    parts: List[StepColumns] = []
    events = MAX_EVENTS_PER_STEP
    for series in columns.series:
        if events + len(series.starts) > MAX_EVENTS_PER_STEP:
            parts.append(
                StepColumns(columns.step, columns.origin_unix_ns, [])
            )
            events = 0
        parts[-1].series.append(series)
        events += len(series.starts)
    return parts


def place_thread(settings: Settings) -> None:
    """Moves the calling thread to the cores and the niceness that are set, where the system can."""
    import os

    if settings.cpus and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, settings.cpus)
    if settings.nice and hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), settings.nice)
