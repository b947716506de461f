"""The probe's own figures, as metrics for the collector and as lines in the log."""

from __future__ import annotations

import time
from typing import Callable, Dict, List, Optional

from .counters import Counters, warn
from .otlp import Metric, Point

#: Sums since the start, by the names in `stats()`; drops come by reason.
SUMS = ("events", "steps", "sent_events", "sent_bytes", "retries", "errors")
PREFIX = "afdscope.probe."
DROPPED = "dropped_events."


class Telemetry:
    """Says at most once a minute what was lost since it was said last."""

    def __init__(self, counters: Counters, now_unix_ns: Callable[[], int]) -> None:
        self._counters = counters
        self._now_unix_ns = now_unix_ns
        self.after_fork()

    def after_fork(self) -> None:
        self._start_unix_ns = self._now_unix_ns()
        self._said: Dict[str, int] = {}
        self._log_due_s = 0.0

    def metrics(self, queue_bytes: int) -> List[Metric]:
        counts = self._counters.snapshot()
        now = self._now_unix_ns()
        start = self._start_unix_ns
        found = [
            Metric(PREFIX + name, "By" if name.endswith("bytes") else "1", "sum",
                   [Point(counts.get(name, 0), now, {}, start)])
            for name in SUMS
        ]
        dropped = [
            Point(count, now, {"reason": name[len(DROPPED):]}, start)
            for name, count in sorted(counts.items()) if name.startswith(DROPPED)
        ]
        if dropped:
            found.append(Metric(PREFIX + "dropped_events", "1", "sum", dropped))
        found.append(Metric(PREFIX + "queue_bytes", "By", "gauge", [Point(queue_bytes, now)]))
        return found

    def log_losses(self, now_s: Optional[float] = None, last: bool = False) -> None:
        """One line on events that were dropped since the last one; `last`: however short ago that was."""
        now_s = time.monotonic() if now_s is None else now_s
        if now_s < self._log_due_s and not last:
            return
        counts = self._counters.snapshot()
        lost = {
            name[len(DROPPED):]: count - self._said.get(name, 0)
            for name, count in sorted(counts.items())
            if name.startswith(DROPPED) and count > self._said.get(name, 0)
        }
        if not lost:
            return
        self._log_due_s = now_s + 60.0
        self._said = counts
        said = ", ".join(f"{count} {reason}" for reason, count in lost.items())
        warn("%d events were not sent: %s", sum(lost.values()), said)
