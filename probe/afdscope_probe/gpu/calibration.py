"""The GPU's event clock on the host's: an interval that holds the true time, and its middle.

Events have no time of their own, only differences, in float32 milliseconds. So an *anchor* is recorded
into an empty stream now and then: it ran after the call began and before it was seen done.

    host      lo ------------- hi          lo ------ hi
    device          D0                        D1 = D0 + elapsed(0, 1)

Assumed is that within the kept samples (about a minute) the host's clock runs at 1 + r times the
device's, |r| <= DRIFT, and that r moves by no more than WANDER to either side. Then, for samples i < j,

    r <= (hi_j - lo_i + e) / (D_j - D_i) - 1 + WANDER,     r >= (lo_j - hi_i - e) / (D_j - D_i) - 1 - WANDER

and the time of D lies, for every sample i, between lo_i and hi_i, each moved by (D - D_i) at the least and
the greatest rate; all samples together give the intersection. `e` is what the readings may be off by: each
event is kept to the device's resolution, and each difference is rounded to a float32. Where the
intersection is empty the assumption was wrong (a clock was set): the newest sample begins anew.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Deque, Optional

from .device import EVENT_RESOLUTION_NS

#: Two free clocks differ by some ten parts in a million; NTP slews the host's by up to 500.
DRIFT = 600e-6
WANDER = 2e-6
KEPT_SAMPLES = 64
#: Half a step of a float32 below 4096 ms: what one difference is rounded by, at most.
LONGEST_DIFFERENCE_MS = 4096.0
ROUNDING_NS = 0.5 * 2.0**-12 * 1e6


@dataclass(frozen=True)
class _Sample:
    device_ns: float
    low_ns: int
    high_ns: int
    #: So many differences lie between this sample's `device_ns` and the first one's.
    hops: int
    #: What this sample and those before it say about r.
    least_drift: float
    most_drift: float


class Calibration:
    """All device times are nanoseconds from the first anchor of an epoch."""

    def __init__(
        self,
        resolution_ns: float = EVENT_RESOLUTION_NS,
        drift: float = DRIFT,
        wander: float = WANDER,
    ) -> None:
        self._resolution_ns = resolution_ns
        self._drift = drift
        self._wander = wander
        self._samples: Deque[_Sample] = deque(maxlen=KEPT_SAMPLES)
        self._least = -drift
        self._most = drift
        #: How often the samples contradicted each other.
        self.conflicts = 0

    @property
    def samples(self) -> int:
        return len(self._samples)

    @property
    def drift(self) -> "tuple[float, float]":
        """r lies between these."""
        return self._least, self._most

    def restart(self) -> None:
        """A new first anchor: device times before it mean nothing any more."""
        self._samples.clear()

    def add(self, device_ns: float, low_ns: int, high_ns: int) -> None:
        """An anchor: its time is between `low_ns` and `high_ns` on the host's clock."""
        hops = self._samples[-1].hops + 1 if self._samples else 0
        least, most = -self._drift, self._drift
        for old in self._samples:
            span_ns = device_ns - old.device_ns
            if span_ns <= 0:
                continue
            off_ns = self._off_ns(hops - old.hops)
            most = min(most, (high_ns - old.low_ns + off_ns) / span_ns - 1 + self._wander)
            least = max(least, (low_ns - old.high_ns - off_ns) / span_ns - 1 - self._wander)
        self._samples.append(_Sample(device_ns, low_ns, high_ns, hops, least, most))
        self._least = max(sample.least_drift for sample in self._samples)
        self._most = min(sample.most_drift for sample in self._samples)
        if self._least > self._most or self.host_ns(device_ns) is None:
            self.conflicts += 1
            self._samples.clear()
            self._least, self._most = -self._drift, self._drift
            self._samples.append(
                _Sample(device_ns, low_ns, high_ns, hops, -self._drift, self._drift)
            )

    def host_ns(self, device_ns: float) -> "Optional[tuple[int, int]]":
        """(time, error): the true time is no further than `error` from it. None: nothing is known."""
        if not self._samples:
            return None
        newest = self._samples[-1].hops
        low, high = float("-inf"), float("inf")
        slow, fast = 1 + self._least - self._wander, 1 + self._most + self._wander
        # Differences to a first sample that is large itself: whole nanoseconds are kept apart.
        origin_ns = self._samples[-1].low_ns
        for sample in self._samples:
            moved_ns = device_ns - sample.device_ns
            off_ns = self._off_ns(newest - sample.hops + 1)
            least, most = (slow, fast) if moved_ns >= 0 else (fast, slow)
            low = max(low, sample.low_ns - origin_ns + moved_ns * least - off_ns)
            high = min(high, sample.high_ns - origin_ns + moved_ns * most + off_ns)
        if low > high:
            return None
        return origin_ns + round((low + high) / 2), int((high - low) / 2) + 1

    def rate(self) -> float:
        """Host nanoseconds in one of the device's."""
        return 1 + (self._least + self._most) / 2

    def _off_ns(self, hops: int) -> float:
        return 2 * self._resolution_ns + hops * ROUNDING_NS
