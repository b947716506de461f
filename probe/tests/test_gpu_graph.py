"""Stages inside of graphs, on a simulated GPU: each replay's times are that replay's or none."""

import random
import unittest

from afdscope_probe.gpu.graph import GraphTimer
from tests.sim_gpu import SimGraph
from tests.test_gpu_timer import RESOLUTION_NS, settle, timer_on
from tests.sim_gpu import SimGpu


def captured(gpu, timer, layers=5, work_ns=200_000):
    """A graph with a stage for each layer."""
    marks = GraphTimer(timer).marks()
    graph = SimGraph()
    gpu.capturing = graph
    with marks:
        for layer in range(layers):
            mark = timer.begin("expert", layer, 0)
            gpu.work(work_ns)
            timer.end(mark, bytes=layer)
    gpu.capturing = None
    return marks, graph


class GraphTimerTest(unittest.TestCase):
    def test_each_replay_is_a_step(self):
        gpu = SimGpu(1, drift=8e-5)
        timer, probe = timer_on(gpu)
        marks, graph = captured(gpu, timer)
        truth = {}
        for step in range(40):
            probe.begin_step(step)
            with marks.replay(tokens=10 * step):
                truth[step] = gpu.replay(graph)
            probe.end_step()
            for _ in range(3):
                gpu.sleep_ns(20e6)
                timer.poll()
        self.assertEqual(len(probe.recorded), 200)
        for event in probe.recorded:
            step, layer = event.more["step"], event.more["layer"]
            start, end = truth[step][layer]
            self.assertLessEqual(abs(event.duration_ns - 200_000), RESOLUTION_NS + 1000)
            if step > 30:
                self.assertLessEqual(
                    abs(event.start_unix_ns + event.duration_ns - end), timer.clock_error_ns + 1500
                )
            self.assertEqual(event.more["bytes"], layer)
            self.assertEqual(event.more["tokens"], 10 * step)
        self.assertEqual(timer.timing, "cuda_graph")
        self.assertEqual(probe.counters.get("gpu_overwritten"), 0)
        self.assertEqual(set(probe.held.values()), {0})

    def test_what_the_next_replay_overwrote_is_left_out(self):
        all_lost = all_kept = 0
        for seed in range(60):
            rng = random.Random(seed)
            gpu = SimGpu(seed, call_ns=rng.choice([800, 20_000]))
            timer, probe = timer_on(gpu)
            marks, graph = captured(gpu, timer, layers=20, work_ns=rng.uniform(2e4, 3e5))
            truth = {}
            for step in range(20):
                probe.begin_step(step)
                with marks.replay():
                    truth[step] = gpu.replay(graph)
                probe.end_step()
                gpu.sleep_ns(rng.uniform(0, 8e6))
                timer.poll()
            settle(timer, gpu)
            for event in probe.recorded:
                start, end = truth[event.more["step"]][event.more["layer"]]
                self.assertLessEqual(
                    abs(event.start_unix_ns + event.duration_ns - end),
                    timer.clock_error_ns + 200_000,
                    f"seed {seed}: another step's time",
                )
            lost = probe.counters.get("gpu_overwritten")
            self.assertEqual(len(probe.recorded) + lost, 400)
            self.assertEqual(probe.counters.get("errors"), 0)
            all_lost += lost
            all_kept += len(probe.recorded)
        self.assertGreater(all_lost, 100)
        self.assertGreater(all_kept, 100)

    def test_two_captures_in_turn_lose_nothing_of_replays_without_a_pause(self):
        gpu = SimGpu(2)
        timer, probe = timer_on(gpu)
        graphs = [captured(gpu, timer) for _ in range(2)]
        for step in range(40):
            probe.begin_step(step)
            marks, graph = graphs[step % 2]
            with marks.replay():
                gpu.replay(graph)
            probe.end_step()
            # The next one is queued before this one has run; the resolver looks while it runs.
            gpu.sleep_ns(1.05e6)
            timer.poll()
        settle(timer, gpu)
        self.assertEqual(len(probe.recorded), 200)
        self.assertEqual(probe.counters.get("gpu_overwritten"), 0)

    def test_without_events_in_graphs_the_graph_is_left_as_it_is(self):
        gpu = SimGpu(3)
        gpu.graph_events = False
        timer, probe = timer_on(gpu)
        marks, graph = captured(gpu, timer)
        self.assertEqual([kind for kind, _ in graph.nodes], ["work"] * 5)
        self.assertEqual(probe.counters.get("gpu_no_graph_events"), 5)
        probe.begin_step(1)
        with marks.replay():
            gpu.replay(graph)
        probe.end_step()
        settle(timer, gpu)
        self.assertEqual(probe.recorded, [])
        self.assertEqual(timer.timing, "host")

    def test_a_replay_that_raises(self):
        gpu = SimGpu(4)
        timer, probe = timer_on(gpu)
        marks, _ = captured(gpu, timer)
        probe.begin_step(1)
        with self.assertRaises(ValueError):
            with marks.replay():
                raise ValueError("the worker's own")
        probe.end_step()
        settle(timer, gpu)
        self.assertEqual(probe.recorded, [])
        self.assertEqual(probe.held, {1: 0})


if __name__ == "__main__":
    unittest.main()
