"""The timer on a simulated GPU: what is recorded is what the streams did."""

import random
import threading
import unittest

from afdscope_probe.gpu.timer import MAX_ERRORS, GpuTimer
from tests.recorder import RecordingProbe
from tests.sim_gpu import SimGraph, SimGpu

RESOLUTION_NS = 500


def timer_on(gpu, **options):
    probe = RecordingProbe()
    return GpuTimer(probe, gpu, thread=False, perf_ns=gpu.perf_ns, **options), probe


def settle(timer, gpu):
    """As the resolver does, until nothing is left."""
    for _ in range(400):
        gpu.sleep_ns(20e6)
        timer.poll()


class GpuTimerTest(unittest.TestCase):
    def check(self, recorded, truth, bound_ns):
        self.assertEqual(len(recorded), len(truth))
        for event in recorded:
            key = (event.more["step"], event.stage, event.more["layer"], event.more["microbatch"])
            start, end = truth[key]
            # An event is reached when what was queued before it has ended, and what follows may be queued later.
            self.assertLessEqual(abs(event.start_unix_ns + event.duration_ns - end), bound_ns + 20_000)
            self.assertLessEqual(event.start_unix_ns, start + bound_ns)
            self.assertGreaterEqual(event.duration_ns, end - start - 2 * RESOLUTION_NS)

    def test_steps_of_two_streams(self):
        for seed in range(20):
            rng = random.Random(seed)
            gpu = SimGpu(seed, drift=rng.uniform(-3e-4, 3e-4), offset_ns=rng.uniform(-1e14, 1e14))
            timer, probe = timer_on(gpu)
            # A minute of use, so that the drift is known.
            truth = {}
            bound_ns = 0
            for step in range(100):
                probe.begin_step(step)
                for layer in range(3):
                    for microbatch, stream in enumerate(("a", "b")):
                        gpu.stream = stream
                        mark = timer.begin("attention", layer, microbatch, tokens=step)
                        span = gpu.work(rng.uniform(2e4, 4e5))
                        timer.end(mark, bytes=4)
                        truth[(step, "attention", layer, microbatch)] = span
                probe.end_step()
                gpu.sleep_ns(600e6)
                timer.poll()
                bound_ns = max(bound_ns, timer.clock_error_ns) if step > 50 else 0
            settle(timer, gpu)
            late = [event for event in probe.recorded if event.more["step"] > 50]
            self.assertEqual(len(probe.recorded), len(truth))
            self.check(late, {k: v for k, v in truth.items() if k[0] > 50}, bound_ns + 1000)
            self.assertEqual(late[0].more["tokens"], late[0].more["step"])
            self.assertEqual(late[0].more["bytes"], 4)
            self.assertEqual(set(probe.held.values()), {0})
            self.assertEqual(probe.counters.get("errors"), 0)

    def test_durations_are_the_devices(self):
        gpu = SimGpu(3, launch_ns=10, jitter_ns=1, call_ns=10)
        timer, probe = timer_on(gpu)
        probe.begin_step(1)
        gpu.work(1e6)
        mark = timer.begin("expert", 0, 0)
        for layer in range(1, 50):
            gpu.work(270_000)
            mark = timer.next(mark, "expert", layer, 0)
        gpu.work(270_000)
        timer.end(mark)
        probe.end_step()
        settle(timer, gpu)
        self.assertEqual(len(probe.recorded), 50)
        for event in probe.recorded:
            self.assertLessEqual(abs(event.duration_ns - 270_000), RESOLUTION_NS + 50)
        # One event for an end and the beginning behind it, and the same event for both.
        for before, after in zip(probe.recorded, probe.recorded[1:]):
            self.assertEqual(after.more["layer"], before.more["layer"] + 1)
            self.assertLessEqual(
                abs(before.start_unix_ns + before.duration_ns - after.start_unix_ns), 200
            )
        self.assertEqual(gpu.calls["record"], 51)

    def test_only_the_last_event_of_a_step_is_asked_about(self):
        gpu = SimGpu(4)
        timer, probe = timer_on(gpu)
        probe.begin_step(1)
        for layer in range(61):
            timer.end(timer.begin("attention", layer, 0))
            gpu.work(5e6)
        mark = timer.begin("sample")
        gpu.work(1e6)
        timer.end(mark)
        timer.poll()
        self.assertNotIn("is_done", gpu.calls)
        probe.end_step()
        timer.poll()
        self.assertEqual(gpu.calls["is_done"], 1)
        timer.poll()
        self.assertEqual(gpu.calls["is_done"], 2)
        self.assertEqual(probe.recorded, [])
        settle(timer, gpu)
        self.assertEqual(len(probe.recorded), 62)

    def test_events_are_used_again_and_an_exhausted_pool_is_counted(self):
        gpu = SimGpu(5)
        timer, probe = timer_on(gpu, pool_events=8)
        for step in range(50):
            probe.begin_step(step)
            for layer in range(4):
                timer.end(timer.begin("attention", layer))
            probe.end_step()
            gpu.sleep_ns(1e8)
            timer.poll()
        self.assertEqual(len(probe.recorded), 200)
        self.assertEqual(probe.counters.get("dropped_events.gpu_pool"), 0)
        probe.begin_step(99)
        for layer in range(6):
            timer.end(timer.begin("attention", layer))
        probe.end_step()
        settle(timer, gpu)
        self.assertEqual(len(probe.recorded), 204)
        self.assertEqual(probe.counters.get("dropped_events.gpu_pool"), 2)

    def test_a_gpu_that_hangs(self):
        gpu = SimGpu(6)
        timer, probe = timer_on(gpu)
        probe.begin_step(1)
        mark = timer.begin("expert")
        gpu.work(1e15)
        timer.end(mark)
        probe.end_step()
        settle(timer, gpu)
        self.assertEqual(probe.recorded, [])
        self.assertEqual(probe.counters.get("dropped_events.gpu_unresolved"), 1)
        self.assertEqual(probe.held, {1: 0})

    def test_what_was_not_ended_and_what_ends_too_late(self):
        gpu = SimGpu(7)
        timer, probe = timer_on(gpu)
        probe.begin_step(1)
        late = timer.begin("expert", 0)
        timer.end(timer.begin("expert", 1))
        probe.end_step()
        settle(timer, gpu)
        timer.end(late)
        timer.end(None)
        self.assertEqual([event.more["layer"] for event in probe.recorded], [1])
        self.assertEqual(probe.counters.get("gpu_not_ended"), 1)
        self.assertEqual(probe.counters.get("gpu_ends_too_late"), 1)

    def test_no_event_goes_into_a_graph_by_accident(self):
        gpu = SimGpu(8)
        timer, probe = timer_on(gpu)
        probe.begin_step(1)
        gpu.capturing = SimGraph()
        mark = timer.begin("expert")
        timer.end(mark)
        gpu.capturing = None
        self.assertIsNone(mark)
        self.assertEqual(probe.counters.get("gpu_captured"), 1)
        self.assertNotIn("record", gpu.calls)

    def test_host_times_until_the_worker_has_initialised_cuda_and_after_it_broke(self):
        gpu = SimGpu(9)
        gpu.initialised = False
        timer, probe = timer_on(gpu)
        probe.begin_step(1)
        timer.end(timer.begin("expert", 0), tokens=3)
        self.assertEqual(timer.timing, "host")
        self.assertEqual(gpu.calls, {})
        gpu.initialised = True
        timer.end(timer.begin("expert", 1))
        self.assertEqual(probe.settings.resource["afd.timing"], "cuda_event")
        self.assertIn(b"cuda_event", probe.exporter.resource)
        gpu.broken = True
        for _ in range(MAX_ERRORS + 5):
            timer.end(timer.begin("expert", 2))
        self.assertEqual(probe.settings.resource["afd.timing"], "host")
        self.assertEqual(probe.counters.get("errors"), MAX_ERRORS)
        probe.end_step()
        timer.poll()
        # The stage of before is given up: nothing is tried for ever.
        self.assertEqual(probe.counters.get("dropped_events.gpu_error"), 1)
        self.assertEqual(probe.held, {1: 0})

    def test_an_idle_hour_between_two_steps(self):
        gpu = SimGpu(10, drift=5e-5)
        timer, probe = timer_on(gpu)
        for step in range(2):
            probe.begin_step(step)
            mark = timer.begin("expert")
            start, end = gpu.work(1e6)
            timer.end(mark)
            probe.end_step()
            settle(timer, gpu)
            event = probe.recorded[step]
            off_ns = abs(event.start_unix_ns + event.duration_ns - end)
            self.assertLessEqual(off_ns, timer.clock_error_ns + 25_000)
            gpu.sleep_ns(3600e9)

    def test_without_a_thread_that_may_ask_the_worker_asks_when_a_step_begins(self):
        gpu = SimGpu(12)
        gpu.enter_thread = lambda: False
        probe = RecordingProbe()
        timer = GpuTimer(probe, gpu, perf_ns=gpu.perf_ns)
        for step in range(4):
            probe.begin_step(step)
            mark = timer.begin("expert")
            if step == 0:
                timer._thread.join(30)
            timer.end(mark)
            probe.end_step()
            gpu.sleep_ns(1e8)
        self.assertEqual([event.more["step"] for event in probe.recorded], [0, 1, 2])
        timer.close()

    def test_the_resolver_thread(self):
        gpu = SimGpu(11)
        probe = RecordingProbe()
        timer = GpuTimer(probe, gpu, perf_ns=gpu.perf_ns)
        try:
            for step in range(3):
                probe.begin_step(step)
                mark = timer.begin("expert")
                gpu.work(1e5)
                timer.end(mark)
                probe.end_step()
                gpu.sleep_ns(1e7)
            done = threading.Event()
            for _ in range(500):
                if len(probe.recorded) == 3:
                    break
                done.wait(0.02)
            self.assertEqual([event.more["step"] for event in probe.recorded], [0, 1, 2])
            self.assertEqual(set(probe.held.values()), {0})
        finally:
            timer.close()


if __name__ == "__main__":
    unittest.main()
