"""What no worker should do, and some will: nothing is raised, and the rest arrives."""

from __future__ import annotations

import math
import unittest
from typing import Any, Dict, List

from afdscope_probe.bounds import within_bounds
from afdscope_probe.columns import columns_of
from afdscope_probe.packed import StepEncoder
from afdscope_probe.packed_bytes import MAX_EVENTS
from afdscope_probe.steps import StepBuffer

from .collector import Collector, make_probe


class Number:
    """An integer that is none of Python's, as numpy's are."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value

    __int__ = __index__

    def __eq__(self, other: object) -> bool:
        return self.value == other

    def __le__(self, other: Any) -> bool:
        return self.value <= other

    def __ge__(self, other: Any) -> bool:
        return self.value >= other

    def __hash__(self) -> int:
        return hash(self.value)


class Unkind:
    """Raises whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __str__(self) -> str:
        raise RuntimeError("str")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    def __hash__(self) -> int:
        raise RuntimeError("hash")


class Case(unittest.TestCase):
    def sent(self, work: Any, errors: int = 0) -> List[Dict[str, Any]]:
        """The events that arrive when `work(probe)` is done within step 5."""
        with Collector() as collector:
            self.probe = make_probe(collector.url)
            with self.probe.step(5):
                work(self.probe)
            self.assertTrue(self.probe.flush(60))
            self.probe.shutdown()
            self.stats = self.probe.stats()
            if errors == 0:
                self.assertEqual(self.stats["errors"], 0)
            else:
                self.assertGreaterEqual(self.stats["errors"], errors)
            return collector.events()


class Names(Case):
    def test_become_utf8(self) -> None:
        names = ["\udcff\udcfe", "a\x00b", "", "層" * 200, "x" * 10_000, "\U0001f600"]

        def work(probe: Any) -> None:
            for name in names:
                probe.end(probe.begin(name, 0, 0))

        found = [event["stage"] for event in self.sent(work)]
        self.assertEqual(found, ["??", "a\x00b", "unnamed", "層" * 85, "x" * 256, "\U0001f600"])

    def test_that_are_no_text(self) -> None:
        def work(probe: Any) -> None:
            for name in (7, None, b"bytes", ("a", 1)):
                probe.end(probe.begin(name, 0, 0))
            for name in ([], {}, Unkind()):
                self.assertEqual(probe.begin(name, 0, 0), -1)

        found = [event["stage"] for event in self.sent(work, errors=3)]
        self.assertEqual(found, ["7", "None", "b'bytes'", "('a', 1)"])

    def test_thousands_of_them_are_cut_into_steps(self) -> None:
        def work(probe: Any) -> None:
            for number in range(9000):
                probe.end(probe.begin(f"stage {number}", 0, 0))

        events = self.sent(work)
        self.assertEqual({event["stage"] for event in events}, {f"stage {n}" for n in range(9000)})


class Values(Case):
    def test_times(self) -> None:
        def work(probe: Any) -> None:
            now = probe.now_unix_ns()
            probe.record("good", now, 5)
            probe.record("negative", now, -5)
            for start, duration in (
                (now, 101 * 86_400 * 10**9), (now, 2**70), (2**70, 5), (-(2**70), 5), (0, 5), (-5, 5),
                (now - 200 * 86_400 * 10**9, 5), (math.nan, 5), (now, math.inf), (None, 5), ("1", 5),
                (now, None), (Unkind(), 5),
            ):
                probe.record("bad", start, duration)
            probe.record("good", float(now), 7.9)
            probe.record("good", now + 1, True)

        events = self.sent(work, errors=1)
        self.assertEqual({event["stage"] for event in events}, {"good", "negative"})
        self.assertEqual(sorted(event["duration"] for event in events), [0, 1, 5, 7])
        self.assertEqual(self.stats["clamped"], 1)
        lost = self.stats.get("dropped_events.bad_time", 0) + self.stats.get("dropped_events.error", 0)
        self.assertEqual(lost, 13)

    def test_measures(self) -> None:
        def work(probe: Any) -> None:
            for value in (math.nan, math.inf, -math.inf, -1, 2**53, 10**40, "12", None, [], Unkind(), 1.5):
                probe.end(probe.begin("attention", 0, 0), tokens=value)
            for value in (0, 2**53 - 1, 128.0, True, Number(9)):
                probe.end(probe.begin("attention", 1, 0), tokens=value)
            for value in (0.1, 48.5, 7, math.nan, -0.5, 1e300):
                probe.end(probe.begin("expert", 1, 0), experts_mean_tokens=value)
            probe.end(probe.begin("expert", 2, 0), nonsense=3, tokens=4)

        events = self.sent(work)
        of = lambda stage, layer, name: [  # noqa: E731
            event.get(name) for event in sorted(events, key=lambda one: one["start"])
            if event["stage"] == stage and event["layer"] == layer
        ]
        self.assertEqual(of("attention", 0, "tokens"), [None] * 11)
        self.assertEqual(of("attention", 1, "tokens"), [0, 2**53 - 1, 128, 1, 9])
        self.assertEqual(of("expert", 1, "experts_mean_tokens"), [0.1, 48.5, 7, None, None, None])
        self.assertEqual(of("expert", 2, "tokens"), [4])
        self.assertEqual(self.stats["bad_value"], 10 + 3 + 1)

    def test_lists_and_the_rest(self) -> None:
        def work(probe: Any) -> None:
            for value in ([1, 2, 3], (4,), [], [-1], ["a"], [2**60], 7, range(3), [0.5]):
                probe.end(probe.begin("expert", 0, 0), expert_tokens=value)
            probe.end(probe.begin("expert", 0, 0), expert_tokens=list(range(70_000)))
            probe.end(probe.begin("a2f_send", 0, 0), peer=1, kind="teleport")
            probe.end(probe.begin("a2f_send", 0, 0), peer=-7, kind="wait")
            probe.end(probe.begin("a2f_send", 2**40, 0), peers=[0, -1, 5])
            probe.end(probe.begin("a2f_send", -9, 2**40), peer=2**31)
            probe.end(probe.begin("a2f_send", math.nan, "two"))

        events = sorted(self.sent(work), key=lambda one: one["start"])
        lists = [event.get("expert_tokens") for event in events if event["stage"] == "expert"]
        self.assertEqual(lists, [[1, 2, 3], [4], None, None, None, None, None, [0, 1, 2], [0], None])
        rest = [(event["layer"], event["microbatch"], event["peer"], event.get("kind"))
                for event in events if event["stage"] == "a2f_send"]
        self.assertEqual(rest, [(0, 0, 1, None), (0, 0, -1, "wait"), (-1, 0, -1, None),
                                (-1, -1, -1, None), (-1, -1, -1, None)])

    def test_marks(self) -> None:
        def work(probe: Any) -> None:
            mark = probe.begin("attention", 0, 0)
            for wrong in (-1, 0, 2**80, -(2**80), mark + 5, mark + 2**20, mark + 2**36):
                probe.end(wrong)
            probe.end("mark")
            probe.end(None)
            probe.end(mark)
            probe.end(mark)
            probe.begin("attention", 1, 0)

        events = self.sent(work, errors=2)
        self.assertEqual([event["layer"] for event in events], [0])
        self.assertEqual(self.stats["dropped_events.not_ended"], 1)


class Steps(Case):
    def test_numbers_that_are_none(self) -> None:
        with Collector() as collector:
            probe = make_probe(collector.url)
            for wrong in (-1, 2**53 - 1, 2**70, 1.5, "3", None, math.nan, Unkind()):
                probe.begin_step(wrong)  # type: ignore[arg-type]
                probe.end(probe.begin("attention", 0, 0))
                probe.end_step()
            probe.begin_step(4, phase="sleep", domain="x")  # type: ignore[arg-type]
            probe.begin_step(4, phase="sleep")
            probe.end(probe.begin("attention", 0, 0))
            for call in (probe.hold_step, probe.release_step):
                call("x")  # type: ignore[arg-type]
                call([])  # type: ignore[arg-type]
            self.assertTrue(probe.flush(60))
            probe.shutdown()
            self.assertEqual(sorted(event["step"] for event in collector.events()), [-1] * 8 + [4])

    def test_of_too_many_events_are_bounded(self) -> None:
        with Collector() as collector:
            probe = make_probe(collector.url, AFDSCOPE_PROBE_STEP_EVENTS="5000")
            with probe.step(1):
                for number in range(6000):
                    probe.end(probe.begin("attention", number % 61, number % 3))
                    probe.record("wait", probe.now_unix_ns(), 5)
            self.assertTrue(probe.flush(60))
            probe.shutdown()
            stats = probe.stats()
            self.assertEqual(len(collector.events()) + stats["dropped_events.step_full"], 12_000)
            self.assertLessEqual(len(collector.events()), 5000)

    def test_of_a_million_events_are_cut_at_the_formats_bound(self) -> None:
        buffer = StepBuffer(1 << 22)
        buffer.reset(1, 7, "decode", None, 10**18)
        rows = 1 << 19
        start = buffer.begun_ns
        for microbatch in range(3):
            series = buffer.add_series("attention", microbatch)
            series.starts.extend(range(start, start + rows))
            series.ends.extend(range(start + 3, start + 3 + rows))
            series.layers.extend([0] * rows)
        parts = within_bounds(columns_of(buffer))
        self.assertEqual([part.events for part in parts], [MAX_EVENTS, rows])
        for part in parts:
            payload = StepEncoder().encode(part)
            self.assertLess(len(payload), part.events * 2)
        with self.assertRaises(ValueError):
            StepEncoder().encode(columns_of(buffer))

    def test_lists_beyond_the_formats_bound_are_cut(self) -> None:
        buffer = StepBuffer(1 << 20)
        buffer.reset(1, 7, "decode", None, 10**18)
        many = list(range(60_000))
        for row in range(80):
            buffer.record("expert", 10**18 + buffer.begun_ns + row, 5, row, 0, -1, None,
                          {"expert_tokens": many})
        parts = within_bounds(columns_of(buffer))
        self.assertEqual(sum(part.events for part in parts), 80)
        for part in parts:
            for series in part.series:
                self.assertLessEqual(sum(map(len, series.columns[10])), 1 << 21)
                self.assertGreater(len(StepEncoder().encode(part)), 60_000)
        layers = [layer for part in parts for series in part.series for layer in series.layers or []]
        self.assertEqual(layers, list(range(80)))


if __name__ == "__main__":
    unittest.main()
