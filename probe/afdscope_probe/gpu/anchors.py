"""Anchor events, and what they say about the times of others."""

from __future__ import annotations

from typing import Any, Callable, Optional

from .calibration import LONGEST_DIFFERENCE_MS, Calibration
from .device import Device

#: A new anchor is recorded where the newest is older.
ANCHOR_EVERY_S = 0.5
#: Looks at one anchor, without a pause: an empty stream has run it after some microseconds.
LOOKS = 40
TRIES = 3


class Anchors:
    """The resolver's alone."""

    def __init__(self, device: Device, perf_ns: Callable[[], int]) -> None:
        self._device = device
        self._perf_ns = perf_ns
        self.calibration = Calibration()
        self._newest: Any = None
        self._newest_device_ns = 0.0
        self._newest_s = float("-inf")
        #: Of the newest answer.
        self.error_ns = 0

    def host_ns(self, event: Any) -> "Optional[tuple[int, float]]":
        """(perf_counter_ns of a done event, host ns in one of the device's); None: no anchor ran."""
        if self._perf_ns() / 1e9 - self._newest_s > ANCHOR_EVERY_S:
            self._sample()
        if self._newest is None:
            return None
        apart_ms = self._device.elapsed_ms(self._newest, event)
        if abs(apart_ms) >= LONGEST_DIFFERENCE_MS:
            self._newest = None
            self._sample()
            if self._newest is None:
                return None
            apart_ms = self._device.elapsed_ms(self._newest, event)
        found = self.calibration.host_ns(self._newest_device_ns + apart_ms * 1e6)
        if found is None:
            return None
        self.error_ns = found[1]
        return found[0], self.calibration.rate()

    def _sample(self) -> None:
        """The narrowest of a few anchors. Where none is seen to run at once there is none: the device is
        busy, and the anchors that there are serve on."""
        best: Any = None
        best_low = best_high = 0
        for _ in range(TRIES):
            event = self._device.new_event()
            low_ns = self._perf_ns()
            self._device.record_aside(event)
            for _ in range(LOOKS):
                if self._device.is_done(event):
                    high_ns = self._perf_ns()
                    if best is None or high_ns - low_ns < best_high - best_low:
                        best, best_low, best_high = event, low_ns, high_ns
                    break
        if best is None:
            return
        apart_ms = 0.0
        if self._newest is not None:
            apart_ms = self._device.elapsed_ms(self._newest, best)
        if self._newest is None or abs(apart_ms) >= LONGEST_DIFFERENCE_MS:
            # Differences this long are too coarse: device times begin anew.
            self.calibration.restart()
            self._newest_device_ns = 0.0
        else:
            self._newest_device_ns += apart_ms * 1e6
        self._newest = best
        self._newest_s = best_high / 1e9
        self.calibration.add(self._newest_device_ns, best_low, best_high)
