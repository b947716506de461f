"""The packed steps of the recent past that were not sent, and what pulls ask for of them (docs/pull.md).

    keep ─▶ ring ── too old or too many bytes ─▶ gone
              │ a pull's window
              ▼
            wanted ── due(): so many bytes a second ─▶ exporter

A step leaves for `wanted` once, so that no step is sent twice, whatever asks for it. What is wanted is no
longer too old; it counts for the same bytes.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Callable, Deque, List, Optional
from urllib.parse import quote, unquote

from .otlp import Metric, PackedStep, Point

RING_HEADER = "afdscope-ring"
#: What a step takes in memory beside its payload, about.
STEP_BYTES = 400
#: Ids that are known as served.
KNOWN_PULLS = 256
#: Windows that are open at a time, at most; the collector asks for 16.
MAX_ACTIVE_PULLS = 64
#: A window's steps are waited for this long after its end: steps come after they have ended.
AFTER_END_NS = 10_000_000_000
#: What `due` may save up while nothing is wanted.
BURST_S = 1.0
#: So often the ring's size is exported: an answer to that, too, may ask for steps.
HELLO_S = 5.0


@dataclass(frozen=True)
class Pull:
    """One window that is asked for, unix nanoseconds."""

    id: str
    from_unix_ns: int
    to_unix_ns: int
    #: None: every deployment.
    deployment: Optional[str]


def parse_pulls(header: str) -> List[Pull]:
    """The values of `afdscope-pull`, several of them joined with commas. What cannot be read is left out."""
    pulls = []
    for value in header.split(","):
        name, *parameters = (piece.strip() for piece in value.split(";"))
        found = dict(piece.partition("=")[::2] for piece in parameters)
        try:
            from_ms, to_ms = float(found["from"]), float(found["to"])
        except (KeyError, ValueError):
            continue
        if name == "" or len(name) > 200 or not 0 <= from_ms < to_ms < 1e16:
            continue
        deployment = found.get("deployment")
        pulls.append(
            Pull(
                name,
                int(from_ms) * 1_000_000,
                int(to_ms) * 1_000_000,
                None if deployment is None else unquote(deployment),
            )
        )
    return pulls


class Ring:
    """Thread-safe. Nothing of it is called in the worker's thread."""

    def __init__(
        self,
        max_bytes: int,
        keep_ns: int,
        deployment: str = "default",
        bytes_per_s: int = 256 * 1024,
        *,
        now_unix_ns: Callable[[], int] = time.time_ns,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_bytes = max_bytes
        self._keep_ns = keep_ns
        self._deployment = deployment
        self._bytes_per_s = bytes_per_s
        self._now_unix_ns = now_unix_ns
        self._monotonic_s = monotonic_s
        self.clear()

    def clear(self) -> None:
        """Everything is forgotten; also in a forked child, where the parent may have held the lock."""
        self._lock = threading.RLock()
        self._steps: Deque[PackedStep] = deque()
        self._wanted: Deque[PackedStep] = deque()
        self._bytes = 0
        self._active: List[Pull] = []
        self._known: "OrderedDict[str, None]" = OrderedDict()
        self._allowed_bytes = 0.0
        self._allowed_at_s = self._monotonic_s()
        #: Wanted steps that found no room before they could be sent.
        self.lost_steps = 0
        self.pulled_steps = 0

    @property
    def header(self) -> str:
        """What the probe says of itself with each export, in `afdscope-ring`."""
        return f"{self._keep_ns / 1e9:g};deployment={quote(self._deployment, safe='')}"

    def keep(self, step: PackedStep) -> None:
        """Takes a step that is not sent."""
        with self._lock:
            self._expire()
            is_wanted = any(_overlap(step, pull) for pull in self._active)
            (self._wanted if is_wanted else self._steps).append(step)
            self._bytes += _size(step)
            oldest_ns = step.end_unix_ns - self._keep_ns
            while self._steps and (
                self._bytes > self._max_bytes or self._steps[0].end_unix_ns < oldest_ns
            ):
                self._bytes -= _size(self._steps.popleft())
            while self._bytes > self._max_bytes and self._wanted:
                self._bytes -= _size(self._wanted.popleft())
                self.lost_steps += 1

    def pull(self, header: str) -> None:
        """An answer asked for windows. Each id is served once."""
        with self._lock:
            for pull in parse_pulls(header):
                if pull.deployment not in (None, self._deployment) or pull.id in self._known:
                    continue
                self._known[pull.id] = None
                if len(self._known) > KNOWN_PULLS:
                    self._known.popitem(last=False)
                if not self._wanted:
                    # Workers that hear of it at once do not begin with what they saved up.
                    self._allowed_bytes = 0.0
                    self._allowed_at_s = self._monotonic_s()
                self._active.append(pull)
                del self._active[:-MAX_ACTIVE_PULLS]
                left: Deque[PackedStep] = deque()
                for step in self._steps:
                    (self._wanted if _overlap(step, pull) else left).append(step)
                self._steps = left
            self._expire()

    def due(self, room_bytes: int) -> List[PackedStep]:
        """Wanted steps that may be sent now, the oldest first, of at most `room_bytes`. A step that is
        larger than what a second allows is sent when as much is saved up as can be."""
        with self._lock:
            now_s = self._monotonic_s()
            burst = self._bytes_per_s * BURST_S
            self._allowed_bytes = min(
                burst, self._allowed_bytes + (now_s - self._allowed_at_s) * self._bytes_per_s
            )
            self._allowed_at_s = now_s
            due: List[PackedStep] = []
            while self._wanted:
                size = len(self._wanted[0].payload)
                if size > room_bytes or min(size, burst) > self._allowed_bytes:
                    break
                step = self._wanted.popleft()
                self._allowed_bytes -= size
                room_bytes -= size
                self._bytes -= _size(step)
                due.append(step)
            self.pulled_steps += len(due)
            return due

    def metrics(self) -> List[Metric]:
        """What it holds now."""
        with self._lock:
            now_unix_ns = self._now_unix_ns()
            steps = self._steps
            held_ns = steps[-1].end_unix_ns - steps[0].start_unix_ns if steps else 0
            readings = (
                ("steps", "{step}", len(steps)),
                ("wanted_steps", "{step}", len(self._wanted)),
                ("pulled_steps", "{step}", self.pulled_steps),
                ("lost_steps", "{step}", self.lost_steps),
                ("bytes", "By", self._bytes),
                ("held", "s", max(0, held_ns) / 1e9),
            )
        return [
            Metric(f"afdscope.probe.ring.{name}", unit, "gauge", [Point(value, now_unix_ns)])
            for name, unit, value in readings
        ]

    def _expire(self) -> None:
        if self._active:
            over_ns = self._now_unix_ns() - AFTER_END_NS
            self._active = [pull for pull in self._active if pull.to_unix_ns > over_ns]


def _overlap(step: PackedStep, pull: Pull) -> bool:
    return step.start_unix_ns < pull.to_unix_ns and step.end_unix_ns >= pull.from_unix_ns


def _size(step: PackedStep) -> int:
    return len(step.payload) + STEP_BYTES
