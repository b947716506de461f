"""Counts of what the probe did and did not do, and log lines at a bounded rate."""

from __future__ import annotations

import logging
import threading
import time
from typing import Callable, Dict

log = logging.getLogger("afdscope_probe")

#: The same kind of line comes at most so often.
LOG_EVERY_S = 60.0


def warn(text: str, *values: object) -> None:
    """A line in the log; the worker's handlers and filters may raise, which is not the worker's trouble."""
    try:
        log.warning(text, *values)
    except Exception:
        pass


class Counters:
    """Thread-safe, from signal handlers too; added to per step and request, never per event."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.RLock()
        self._counts: Dict[str, int] = {}
        self._said_s: Dict[str, float] = {}
        self._monotonic_s = monotonic_s

    def add(self, name: str, count: int = 1) -> None:
        with self._lock:
            self._counts[name] = self._counts.get(name, 0) + count

    def drop(self, reason: str, events: int) -> None:
        """Events that will not be sent."""
        if events > 0:
            self.add("dropped_events." + reason, events)

    def get(self, name: str) -> int:
        with self._lock:
            return self._counts.get(name, 0)

    def snapshot(self) -> Dict[str, int]:
        with self._lock:
            return dict(self._counts)

    def say(self, topic: str, text: str, *values: object) -> None:
        """A warning, unless there was one of this topic within the last minute."""
        now_s = self._monotonic_s()
        with self._lock:
            last_s = self._said_s.get(topic)
            if last_s is not None and now_s - last_s < LOG_EVERY_S:
                return
            self._said_s[topic] = now_s
        warn(text, *values)

    def error(self, where: str, error: BaseException) -> None:
        """A mistake of the probe's own, or of its caller: counted and said, never raised."""
        self.add("errors")
        self.say("error." + where, "%s: %s: %s", where, type(error).__name__, error)

    def after_fork(self) -> None:
        """A child counts from zero; the parent's lock may have been held."""
        self._lock = threading.RLock()
        self._counts = {}
        self._said_s = {}
