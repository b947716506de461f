"""The host clock: `perf_counter_ns`, which never jumps, anchored to unix time.

All of a worker's threads read one anchor. On Linux the processes of a host share CLOCK_MONOTONIC, so
that their events agree to within the two anchors' error bounds, some hundred nanoseconds each.
"""

from __future__ import annotations

import time
from typing import Callable

perf_counter_ns = time.perf_counter_ns

#: Readings for one anchor; the narrowest one counts.
READINGS = 16
#: An anchor is moved only by more than this and both error bounds: unix time was set, not noise.
MOVE_NS = 2_000


class Clock:
    """Unix nanoseconds of monotonic readings."""

    def __init__(
        self,
        perf_ns: Callable[[], int] = time.perf_counter_ns,
        unix_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._perf_ns = perf_ns
        self._unix_ns = unix_ns
        #: Unix time minus `perf_counter_ns`.
        self.offset_ns, self.error_ns = self._measure()
        #: How often unix time was found to have been set since.
        self.moves = 0

    def now_unix_ns(self) -> int:
        return self._perf_ns() + self.offset_ns

    def anchor(self) -> int:
        """Measures again; gives by how many nanoseconds the anchor was moved, mostly 0."""
        offset_ns, error_ns = self._measure()
        moved_ns = offset_ns - self.offset_ns
        if abs(moved_ns) <= MOVE_NS + error_ns + self.error_ns:
            return 0
        self.offset_ns = offset_ns
        self.error_ns = error_ns
        self.moves += 1
        return moved_ns

    def _measure(self) -> tuple[int, int]:
        """The offset, and half the width of the narrowest reading: the offset is no further off."""
        best: tuple[int, int] = (0, 1 << 62)
        for _ in range(READINGS):
            before = self._perf_ns()
            unix = self._unix_ns()
            after = self._perf_ns()
            error_ns = (after - before + 1) // 2
            if error_ns < best[1]:
                best = (unix - (before + after) // 2, error_ns)
        return best
