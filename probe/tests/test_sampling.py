"""Which steps are sent, sums instead of steps, and what the probe says of itself."""

from __future__ import annotations

import struct
import unittest
from typing import Any, Dict, List, Tuple

from afdscope_probe.otlp import Metric, PackedStep, Point
from afdscope_probe.sampling import Aggregates, is_sent, step_hash

from .collector import Collector, make_probe
from .unpack import attributes, inner, unpack


class Keeper:
    """A ring that keeps everything, and once it was pulled gives out each step once."""

    header = "keeper"

    def __init__(self) -> None:
        self.kept: List[PackedStep] = []
        self.asked: List[str] = []
        self.given = 0

    def keep(self, step: PackedStep) -> None:
        self.kept.append(step)

    def pull(self, header: str) -> None:
        self.asked.append(header)

    def due(self, room_bytes: int) -> List[PackedStep]:
        if not self.asked:
            return []
        wanted, self.given = self.kept[self.given :], len(self.kept)
        return wanted

    def metrics(self) -> List[Metric]:
        return []

    def clear(self) -> None:
        self.kept.clear()


def double(value: bytes) -> float:
    found: float = struct.unpack("<d", value)[0]
    return found


class Hash(unittest.TestCase):
    def test_is_the_one_that_is_written_down(self) -> None:
        # The first outputs of splitmix64 with seed 0 are its finaliser of 1, 2, … times the increment.
        self.assertEqual(step_hash(0), 0xE220A8397B1DCDAF)
        self.assertEqual(step_hash(0x9E3779B97F4A7C15), 0x6E789E6AA1B965F4)

    def test_takes_one_in_n_and_all_that_belong_to_no_step(self) -> None:
        for every in (2, 16, 100):
            taken = sum(is_sent(step, every) for step in range(100_000))
            self.assertLess(abs(taken * every / 100_000 - 1), 0.1)
        self.assertTrue(is_sent(-1, 10**9))
        self.assertTrue(all(is_sent(step, 1) for step in range(100)))


class Modes(unittest.TestCase):
    def run_steps(self, mode: str, ring: Any = None, pull: str = "") -> Dict[str, int]:
        reply = {"afdscope-pull": pull} if pull else {}
        with Collector(lambda *_: (200, reply, b"")) as collector:
            probe = make_probe(collector.url, ring, AFDSCOPE_PROBE_MODE=mode)
            for step in range(64):
                with probe.step(step):
                    for layer in range(3):
                        probe.end(probe.begin("attention", layer, 0))
            self.assertTrue(probe.flush(60))
            self.assertTrue(probe.flush(60))
            probe.shutdown()
            self.requests = collector.requests
            self.steps = collector.steps()
            return probe.stats()

    def test_one_in_n_sends_these_and_keeps_the_others_for_the_ring(self) -> None:
        wanted = [step for step in range(64) if is_sent(step, 4)]
        stats = self.run_steps("1/4")
        self.assertEqual([step for step, _ in self.steps], wanted)
        self.assertEqual(stats["events_not_sampled"], 3 * (64 - len(wanted)))
        self.assertEqual(stats["dropped_events"], 0)
        keeper = Keeper()
        self.run_steps("1/4", keeper)
        self.assertEqual([unpack(one.payload)[0] for one in keeper.kept],
                         [step for step in range(64) if step not in wanted])

    def test_a_pull_sends_what_the_ring_gives_once(self) -> None:
        keeper = Keeper()
        self.run_steps("1/4", keeper, "9;from=1;to=2")
        self.assertEqual(keeper.asked[0], "9;from=1;to=2")
        self.assertEqual(sorted(step for step, _ in self.steps), list(range(64)))

    def test_ring_keeps_all_and_sends_none(self) -> None:
        keeper = Keeper()
        self.run_steps("ring", keeper)
        self.assertEqual(len(keeper.kept), 64)
        self.assertEqual(self.requests, [])

    def test_aggregates_are_histograms_without_buckets(self) -> None:
        stats = self.run_steps("aggregates")
        self.assertEqual([one.path for one in self.requests], ["/v1/metrics"])
        self.assertEqual(stats["sent_events"], 192)
        [metric] = inner(self.requests[0].body, 1, 2, 2)
        self.assertEqual(inner(metric, 1), [b"afd.stage.duration"])
        self.assertEqual(inner(metric, 9, 2), [1])
        points = inner(metric, 9, 1)
        found = [attributes(inner(point, 9)) for point in points]
        self.assertEqual(found, [{"afd.stage": "attention", "afd.layer": layer} for layer in range(3)])
        for point in points:
            self.assertEqual(struct.unpack("<Q", inner(point, 4)[0])[0], 64)
            least, most = double(inner(point, 11)[0]), double(inner(point, 12)[0])
            self.assertTrue(0 <= least <= double(inner(point, 5)[0]) / 64 <= most < 60)


class Sums(unittest.TestCase):
    def test_are_those_of_the_events(self) -> None:
        import random

        from afdscope_probe.columns import columns_of
        from afdscope_probe.steps import StepBuffer

        rnd = random.Random(4)
        sums = Aggregates()
        plain: Dict[Tuple[str, int], List[int]] = {}
        for step in range(20):
            buffer = StepBuffer(10_000)
            buffer.reset(step, step, "decode", None, 10**18)
            for _ in range(200):
                stage, layer, duration = rnd.choice("ab"), rnd.randrange(-1, 4), rnd.randrange(10**6)
                buffer.record(stage, 10**18 + buffer.begun_ns, duration, layer, rnd.randrange(2), -1, None, {})
                plain.setdefault((stage, layer), []).append(duration)
            self.assertEqual(sums.add(columns_of(buffer), 5), 0)
        metric = sums.take(9)
        assert metric is not None
        found = {(point.attributes["afd.stage"], point.attributes["afd.layer"]): point
                 for point in metric.points}
        self.assertEqual(set(found), set(plain))
        for key, durations in plain.items():
            point: Any = found[key]
            self.assertEqual((point.count, point.least, point.most),
                             (len(durations), min(durations) / 1e9, max(durations) / 1e9))
            self.assertAlmostEqual(point.total, sum(durations) / 1e9)
        self.assertIsNone(sums.take(10))


class OwnFigures(unittest.TestCase):
    def test_go_out_as_metrics_with_those_of_the_sources(self) -> None:
        with Collector() as collector:
            probe = make_probe(collector.url)
            probe.settings.telemetry_s = 0.001
            probe.encoder._telemetry_due_s = 0.0

            def broken() -> List[Metric]:
                raise RuntimeError("no GPU")

            probe.add_metric_source(broken, 60)
            probe.add_metric_source(
                lambda: [Metric("hw.gpu.utilization", "1", "gauge", [Point(0.5, 10**18, {"hw.id": "g"})])], 60
            )
            with probe.step(1):
                probe.begin("attention")
                probe.end(probe.begin("attention", 0, 0))
            self.assertTrue(probe.flush(60))
            self.assertTrue(probe.flush(60))
            probe.shutdown()
            self.assertEqual(probe.stats()["errors"], 1)
            names = {}
            for request in collector.requests:
                if request.path == "/v1/metrics":
                    for metric in inner(request.body, 1, 2, 2):
                        names[inner(metric, 1)[0].decode()] = metric
            self.assertIn("hw.gpu.utilization", names)
            dropped = inner(names["afdscope.probe.dropped_events"], 7, 1)
            self.assertEqual([attributes(inner(point, 7)) for point in dropped], [{"reason": "not_ended"}])


if __name__ == "__main__":
    unittest.main()
