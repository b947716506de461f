"""The true time lies within the stated bound, whatever the clocks do within what is assumed."""

import random
import unittest

from afdscope_probe.gpu.anchors import Anchors
from afdscope_probe.gpu.calibration import WANDER, Calibration
from tests.sim_gpu import SimEvent, SimGpu

CASES = 120


class CalibrationTest(unittest.TestCase):
    def test_random_clocks(self):
        widest_ns = known = unknown = 0
        for seed in range(CASES):
            rng = random.Random(seed)
            gpu = SimGpu(
                seed,
                drift=rng.uniform(-590e-6, 590e-6),
                offset_ns=rng.uniform(-1e15, 1e15),
                resolution_ns=rng.choice([32.0, 500.0]),
                launch_ns=rng.uniform(1000, 8000),
                jitter_ns=rng.choice([200.0, 3000.0, 40_000.0]),
            )
            anchors = Anchors(gpu, gpu.perf_ns)
            for turn in range(rng.randrange(1, 60)):
                gpu.sleep_ns(rng.choice([20e6, 300e6, 900e6, 30e9]))
                event = SimEvent()
                gpu.work(rng.uniform(1e3, 1e6))
                gpu.record(event)
                gpu.sleep_ns(rng.uniform(1e5, 60e6))
                while not gpu.is_done(event):
                    gpu.sleep_ns(1e6)
                found = anchors.host_ns(event)
                if found is None:
                    # No anchor was seen to run at once; the timer asks again later.
                    unknown += 1
                    continue
                known += 1
                off_ns = abs(found[0] - event.due_ns)
                self.assertLessEqual(
                    off_ns, anchors.error_ns, f"seed {seed}, turn {turn}: drift {gpu.drift}"
                )
                if turn > 20:
                    widest_ns = max(widest_ns, anchors.error_ns)
            self.assertEqual(anchors.calibration.conflicts, 0)
        self.assertGreater(known, 10 * unknown)
        self.assertGreater(widest_ns, 0)

    def test_drift_that_wanders_within_what_is_assumed(self):
        for seed in range(CASES):
            rng = random.Random(seed)
            calibration = Calibration(resolution_ns=0.0)
            middle = rng.uniform(-500e-6, 500e-6)
            host, device = 5e12, 0.0
            for _ in range(200):
                span = rng.uniform(1e8, 2e9)
                device += span
                host += span * (1 + middle + rng.uniform(-WANDER, WANDER))
                early, late = rng.expovariate(1 / 5e3), rng.expovariate(1 / 5e3)
                calibration.add(device, int(host - early), int(host + late) + 1)
                ahead = rng.uniform(-1e8, 1e9)
                found = calibration.host_ns(device + ahead)
                # Behind the newest sample the rate was another one: the bound of the assumption holds there.
                if ahead >= 0:
                    true = host + ahead * (1 + middle + rng.uniform(-WANDER, WANDER))
                    self.assertLessEqual(abs(found[0] - true), found[1], f"seed {seed}")
            self.assertEqual(calibration.conflicts, 0)
            least, most = calibration.drift
            self.assertTrue(least <= middle <= most, f"seed {seed}")

    def test_a_minute_of_anchors_knows_the_time_to_some_microseconds(self):
        gpu = SimGpu(1, drift=37e-6, offset_ns=-4e14, jitter_ns=2000.0)
        anchors = Anchors(gpu, gpu.perf_ns)
        for _ in range(120):
            gpu.sleep_ns(510e6)
            event = SimEvent()
            gpu.record(event)
            gpu.sleep_ns(1e6)
            anchors.host_ns(event)
        self.assertLess(anchors.error_ns, 10_000)
        least, most = anchors.calibration.drift
        self.assertLess(most - least, 10e-6)

    def test_a_host_clock_that_jumps_is_noticed(self):
        calibration = Calibration()
        for second in range(10):
            calibration.add(second * 1e9, int(second * 1e9), int(second * 1e9) + 10_000)
        calibration.add(10e9, int(10e9) + 50_000_000, int(10e9) + 50_010_000)
        self.assertEqual(calibration.conflicts, 1)
        self.assertEqual(calibration.samples, 1)
        time_ns, error_ns = calibration.host_ns(10e9)
        self.assertLessEqual(abs(time_ns - (10e9 + 50_005_000)), error_ns)

    def test_nothing_is_known_without_an_anchor(self):
        self.assertIsNone(Calibration().host_ns(0))
        gpu = SimGpu()
        gpu.asides_block = True
        anchors = Anchors(gpu, gpu.perf_ns)
        event = SimEvent()
        gpu.record(event)
        gpu.sleep_ns(1e9)
        self.assertIsNone(anchors.host_ns(event))


if __name__ == "__main__":
    unittest.main()
