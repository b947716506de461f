"""Which step an event goes to: held, late, of no step, of several domains, from several threads."""

from __future__ import annotations

import threading
import time
import unittest
from typing import Any, Dict, List, Tuple

from afdscope_probe.buffers import Buffers
from afdscope_probe.clock import Clock
from afdscope_probe.counters import Counters
from afdscope_probe.steps import StepBuffer

from .collector import Collector, make_probe


class Case(unittest.TestCase):
    def setUp(self) -> None:
        self.collector = Collector()
        self.addCleanup(self.collector.close)
        self.probe = make_probe(self.collector.url)
        self.addCleanup(self.probe.shutdown, 1.0)

    def stage(self, name: str, layer: int = -1) -> None:
        self.probe.end(self.probe.begin(name, layer))

    def flush(self) -> List[Tuple[int, List[Dict[str, Any]]]]:
        self.assertTrue(self.probe.flush(60))
        return self.collector.steps()

    def by_step(self) -> Dict[Tuple[int, int], List[str]]:
        found: Dict[Tuple[int, int], List[str]] = {}
        for step, events in self.flush():
            for event in events:
                found.setdefault((event["domain"], step), []).append(event["stage"])
        return {key: sorted(stages) for key, stages in found.items()}


class Order(Case):
    def test_a_step_that_is_never_ended_ends_with_the_next_of_its_domain(self) -> None:
        self.probe.begin_step(1)
        self.stage("a")
        self.probe.begin_step(2)
        self.stage("b")
        self.probe.begin_step(7, domain=3)
        self.stage("c")
        self.probe.end_step()
        self.stage("d")
        self.probe.end_step()
        self.stage("e")
        self.probe.end_step()
        self.assertEqual(self.by_step(), {(-1, 1): ["a"], (-1, 2): ["b", "d"], (3, 7): ["c"], (-1, -1): ["e"]})

    def test_times_and_fields(self) -> None:
        before = self.probe.now_unix_ns()
        self.probe.begin_step(12, phase="prefill")
        self.assertEqual(self.probe.open_step(), (12, None))
        with self.probe.stage("attention", layer=3, microbatch=1, tokens=128, peer=4):
            pass
        start = self.probe.now_unix_ns()
        self.probe.record("a2f_send", start, 777, layer=3, peer=2, kind="wait", bytes=9)
        self.probe.end_step()
        self.assertEqual(self.probe.open_step(), (None, None))
        after = self.probe.now_unix_ns()
        [(step, [first, second])] = self.flush()
        self.assertEqual(step, 12)
        self.assertTrue(before <= first["start"] <= first["start"] + first["duration"] <= start)
        self.assertLessEqual(abs(after - time.time_ns()), 10**9)
        for name, value in (("stage", "attention"), ("layer", 3), ("microbatch", 1), ("tokens", 128),
                            ("peer", 4), ("phase", "prefill")):
            self.assertEqual(first[name], value)
        self.assertEqual(second, {"stage": "a2f_send", "phase": "prefill", "domain": -1, "microbatch": -1,
                                  "peer": 2, "start": start, "duration": 777, "layer": 3, "kind": "wait",
                                  "bytes": 9})

    def test_a_stage_may_end_after_its_step(self) -> None:
        self.probe.begin_step(1)
        self.probe.hold_step(1)
        mark = self.probe.begin("a", 0)
        self.probe.begin_step(2)
        self.probe.end(mark, tokens=3)
        self.probe.release_step(1)
        self.probe.end_step()
        self.assertEqual([(step, [event["tokens"] for event in events]) for step, events in self.flush()],
                         [(1, [3])])


class Records(Case):
    def test_go_to_the_step_they_name_at_any_time(self) -> None:
        now = self.probe.now_unix_ns()
        self.probe.begin_step(1)
        self.probe.record("open", now, 5)
        self.probe.record("named", now, 5, step=1)
        self.probe.end_step()
        self.probe.begin_step(2)
        self.probe.record("before", now, 5, step=1)
        self.assertTrue(self.probe.flush(60))
        self.probe.record("late", now, 5, step=1)
        self.probe.record("never begun", now, 5, step=900, domain=2)
        self.probe.end_step()
        self.probe.record("none", now, 5)
        self.assertEqual(self.by_step(), {
            (-1, 1): ["before", "late", "named", "open"], (2, 900): ["never begun"], (-1, -1): ["none"],
        })
        self.assertEqual(self.probe.stats()["dropped_events"], 0)

    def test_hold_a_step_until_it_is_released(self) -> None:
        now = self.probe.now_unix_ns()
        for step in (1, 2):
            self.probe.begin_step(step)
            self.stage("host")
            self.probe.hold_step(step)
            self.probe.hold_step(step)
            self.probe.end_step()
        self.probe.release_step(1)
        self.assertEqual(self.flush(), [])
        self.probe.record("gpu", now, 5, step=1)
        self.probe.release_step(1)
        self.assertEqual(self.by_step(), {(-1, 1): ["gpu", "host"]})
        self.probe.release_step(2)
        self.probe.release_step(2)
        self.probe.release_step(2)
        self.assertEqual(len(self.flush()), 2)

    def test_that_nobody_releases_are_sent_all_the_same(self) -> None:
        self.probe.begin_step(1)
        self.stage("host")
        self.probe.hold_step(1)
        self.probe.end_step()
        until = time.monotonic() + 60
        while not self.collector.steps() and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(self.by_step(), {(-1, 1): ["host"]})
        self.assertEqual(self.probe.stats()["holds_timed_out"], 1)


class Threads(Case):
    def test_record_at_once_and_nothing_is_lost(self) -> None:
        each, threads = 3000, 4

        def work(thread: int) -> None:
            now = self.probe.now_unix_ns()
            for number in range(each):
                self.probe.record("gpu", now + number, thread + 1, layer=number, step=number // 50)

        running = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
        for one in running:
            one.start()
        for step in range(60):
            with self.probe.step(step):
                for layer in range(30):
                    self.stage("attention", layer)
        for one in running:
            one.join()
        events = [(step, event) for step, all_events in self.flush() for event in all_events]
        gpu = sorted((event["layer"], event["duration"], step) for step, event in events
                     if event["stage"] == "gpu")
        self.assertEqual(gpu, [(number, thread + 1, number // 50) for number in range(each)
                               for thread in range(threads)])
        self.assertEqual(sum(event["stage"] == "attention" for _, event in events), 60 * 30)
        self.assertEqual(self.probe.stats()["dropped_events"], 0)

    def test_each_with_its_micro_batch_share_a_step(self) -> None:
        self.probe.begin_step(3)

        def work(microbatch: int) -> None:
            for layer in range(2000):
                self.probe.end(self.probe.begin("attention", layer, microbatch), tokens=microbatch)

        running = [threading.Thread(target=work, args=(n,)) for n in range(3)]
        for one in running:
            one.start()
        for one in running:
            one.join()
        self.probe.end_step()
        [(_, events)] = self.flush()
        self.assertEqual(
            sorted((event["microbatch"], event["layer"], event["tokens"]) for event in events),
            [(microbatch, layer, microbatch) for microbatch in range(3) for layer in range(2000)],
        )


class Bounds(unittest.TestCase):
    def test_steps_that_wait_are_bounded_and_counted(self) -> None:
        counters = Counters()
        buffers = Buffers(1 << 20, lambda: 0, counters)
        for step in range(20):
            buffers.begin(step, "decode", None)
            series = buffers.current.add_series("a", 0)
            series.starts.extend([1] * 100_000)
            series.ends.extend([2] * 100_000)
            series.layers.extend([0] * 100_000)
            buffers.end()
        taken = buffers.take(False)
        self.assertEqual([buffer.step for buffer in taken], [18, 19])
        self.assertEqual(counters.get("dropped_events.encoder_behind"), 18 * 100_000)

    def test_buffers_are_used_again_and_empty(self) -> None:
        buffers = Buffers(1 << 20, lambda: 0, Counters())
        seen = set()
        for step in range(100):
            buffers.begin(step, "decode", None)
            self.assertEqual(buffers.current.event_count(), 0)
            buffers.current.record("a", 5, 5, -1, -1, -1, None, {"tokens": 4})
            buffers.end()
            for buffer in buffers.take(False):
                seen.add(id(buffer))
                buffers.recycle(buffer)
        self.assertLess(len(seen), 10)

    def test_series_that_no_step_has_any_more_are_forgotten(self) -> None:
        buffer = StepBuffer(1 << 20)
        for step in range(2000):
            buffer.reset(step, step, "decode", None, 0)
            buffer.record(f"stage {step}", 5, 5, -1, -1, -1, None, {})
        self.assertLess(len(buffer.recorded), 300)

    def test_nor_kept_where_they_are_too_many(self) -> None:
        buffer = StepBuffer(1 << 20)
        for step in range(3):
            buffer.reset(step, step, "decode", None, 0)
            for number in range(3000):
                buffer.record(f"stage {step} {number}", 5, 5, -1, -1, -1, None, {})
            self.assertEqual(len(buffer.recorded), 3000)


class Time(unittest.TestCase):
    def test_is_anchored_by_the_narrowest_reading_and_moved_only_when_it_was_set(self) -> None:
        perf = [0]
        unix_offset = [10**18]
        gaps = iter([50, 7, 900] + [60] * 1000)

        def read() -> int:
            perf[0] += next(gaps, 60) // 2
            return perf[0]

        clock = Clock(read, lambda: perf[0] + unix_offset[0])
        self.assertLessEqual(abs(clock.offset_ns - 10**18), clock.error_ns)
        self.assertLessEqual(clock.error_ns, 30)
        unix_offset[0] += 900
        self.assertEqual(clock.anchor(), 0)
        unix_offset[0] += 10**9
        self.assertGreater(clock.anchor(), 10**9)
        self.assertEqual(clock.moves, 1)
        self.assertLessEqual(abs(clock.offset_ns - unix_offset[0]), clock.error_ns)


if __name__ == "__main__":
    unittest.main()
