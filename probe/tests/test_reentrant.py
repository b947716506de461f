"""Calls from inside of a call (signal handlers, finalizers), tasks that take turns, a probe that is shut
down, and values that change after they were given."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import pathlib
import signal
import subprocess
import sys
import unittest
from typing import Any, Iterator, List

from afdscope_probe import start as start_probe
from afdscope_probe.counters import log

from .collector import Collector, make_probe

FOLDER = str(pathlib.Path(__file__).parents[1])


def run(text: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    env = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "AFDSCOPE_"))}
    env.update({"PYTHONPATH": FOLDER, "PYTHONDONTWRITEBYTECODE": "1", **environ})
    return subprocess.run([sys.executable, "-c", text], env=env, timeout=120, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)


class Inside(unittest.TestCase):
    @unittest.skipUnless(hasattr(signal, "setitimer"), "no timer signals here")
    def test_a_signal_handler_may_call_everything(self) -> None:
        with Collector() as collector:
            ran = run("""
import signal, time
import afdscope_probe
probe = afdscope_probe.start(role="ffn", rank=0)
handled = 0
inside = False
def handler(*_):
    global handled, inside
    if inside:
        return
    inside = True
    handled += 1
    probe.end(probe.begin(f"signal {handled % 7}", 0, 0))
    probe.record("told", probe.now_unix_ns(), 5, step=handled)
    probe.begin_step(10**6 + handled, domain=3)
    probe.end_step()
    probe.hold_step(handled); probe.release_step(handled)
    probe.stats()
    inside = False
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
until = time.monotonic() + 60
number = 0
while handled < 300 and time.monotonic() < until:
    number += 1
    probe.begin_step(number)
    probe.end(probe.begin("expert", 0, 0))
    probe.record("known", probe.now_unix_ns(), 5)
    probe.end_step()
    probe.stats()
signal.setitimer(signal.ITIMER_REAL, 0)
assert handled >= 300, handled
probe.shutdown(30)
stats = probe.stats()
assert stats["errors"] == 0, stats
""", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
        self.assertEqual(ran.returncode, 0, ran.stderr)

    def test_a_finalizer_that_runs_while_a_step_is_begun(self) -> None:
        """As a generator does that was left inside of `with probe.stage(...)`."""
        with Collector() as collector:
            probe = make_probe(collector.url)

            class Calls(list):  # type: ignore[type-arg]
                def __del__(self) -> None:
                    probe.end(mark)
                    probe.record("late", probe.now_unix_ns(), 5, step=1)

            probe.begin_step(1)
            mark = probe.begin("attention", 0, 0)
            probe.begin_step(2)
            with probe._buffers._lock:
                calls = Calls()
                calls.append(calls)
                del calls
                gc.collect()
            probe.end_step()
            self.assertTrue(probe.flush(60))
            probe.shutdown()
            self.assertEqual(sorted(event["stage"] for event in collector.events()), ["attention", "late"])

    def test_a_generator_that_is_left_inside_of_a_stage(self) -> None:
        with Collector() as collector:
            probe = make_probe(collector.url)

            def work() -> Iterator[int]:
                with probe.stage("attention", 1, 0):
                    yield 1

            with probe.step(1):
                left = work()
                next(left)
                left.close()
                forgotten = work()
                next(forgotten)
            self.assertTrue(probe.flush(60))
            forgotten.close()
            probe.shutdown()
            self.assertEqual(len(collector.events()), 1)
            self.assertEqual(probe.stats()["dropped_events.not_ended"], 1)
            self.assertEqual(probe.stats()["errors"], 0)


class Tasks(unittest.TestCase):
    def test_that_take_turns_end_their_own_steps(self) -> None:
        with Collector() as collector:
            probe = make_probe(collector.url)

            async def work(number: int, domain: Any, turns: int) -> None:
                with probe.step(number, domain=domain):
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    probe.record(f"of {number}", probe.now_unix_ns(), 5, step=number, domain=domain)
                    probe.end(probe.begin("now"))

            async def both() -> None:
                await asyncio.gather(work(1, 0, 1), work(2, 1, 3))
                self.assertEqual(probe.open_step(), (None, None))
                # In one domain the later step ends the earlier one, whose end ends no other.
                await asyncio.gather(work(3, None, 1), work(4, None, 3))
                self.assertEqual(probe.open_step(), (None, None))

            asyncio.run(both())
            self.assertTrue(probe.flush(60))
            probe.shutdown()
            found = sorted((event["step"], event["stage"]) for event in collector.events())
            self.assertEqual([one for one in found if one[1] != "now"],
                             [(number, f"of {number}") for number in (1, 2, 3, 4)])
            self.assertEqual([step for step, stage in found if stage == "now"], [2, 2, 4, 4])


class Shut(unittest.TestCase):
    def test_a_probe_counts_what_comes_too_late_and_keeps_none_of_it(self) -> None:
        with Collector() as collector:
            probe = make_probe(collector.url)
            with probe.step(1):
                probe.end(probe.begin("attention", 0, 0))
            probe.shutdown(60)
            for number in range(50):
                with probe.step(number):
                    with probe.stage("attention", 0, 0):
                        pass
                    probe.record("attention", probe.now_unix_ns(), 5)
                probe.end(probe.begin("attention", 0, 0))
            self.assertEqual(probe.stats()["dropped_events.shutdown"], 150)
            self.assertEqual(sum(one.event_count() for one in probe._buffers._waiting), 0)
            self.assertEqual(len(collector.events()), 1)

    def test_another_may_be_started(self) -> None:
        import importlib

        module = importlib.import_module("afdscope_probe.start")
        module.stop(0)
        self.addCleanup(module.stop, 0)
        with Collector() as collector:
            first = start_probe(role="ffn", rank=0, endpoint=collector.url)
            self.assertIs(start_probe(role="ffn"), first)
            first.shutdown(60)
            second = start_probe(role="ffn", rank=0, endpoint=collector.url)
            self.assertIsNot(second, first)
            with second.step(7), second.stage("expert"):
                pass
            second.shutdown(60)
            self.assertEqual([event["step"] for event in collector.events()], [7])

    def test_the_last_losses_are_said_however_short_ago_others_were(self) -> None:
        probe = make_probe("http://127.0.0.1:9", AFDSCOPE_PROBE_STEP_EVENTS="1")
        with self.assertLogs(log, "WARNING") as said:
            with probe.step(1):
                for _ in range(3):
                    probe.end(probe.begin("attention"))
            probe.encoder.round(False)
            probe.encoder.telemetry.log_losses()
            probe.shutdown(0.2)
        text = "\n".join(said.output)
        self.assertIn("2 step_full", text)
        self.assertIn("1 shutdown", text)


class Given(unittest.TestCase):
    def test_lists_are_taken_as_they_are_when_they_are_given(self) -> None:
        class Counts:
            """As numpy's arrays: filled again for every step."""

            def __init__(self) -> None:
                self.counts = [1, 2]

            def tolist(self) -> List[int]:
                return list(self.counts)

        with Collector() as collector:
            probe = make_probe(collector.url)
            counts, array = [3, 4], Counts()
            with probe.step(1):
                probe.end(probe.begin("expert", 0, 0), expert_tokens=counts)
                probe.end(probe.begin("expert", 1, 0), expert_tokens=array)
                counts[:] = [0, 0]
                array.counts = [0, 0]
            self.assertTrue(probe.flush(60))
            probe.shutdown()
            found = {event["layer"]: event["expert_tokens"] for event in collector.events()}
            self.assertEqual(found, {0: [3, 4], 1: [1, 2]})

    def test_what_lies_on_a_device_is_left_out_and_said(self) -> None:
        class Tensor:
            class device:
                type = "cuda"

            def __getattribute__(self, name: str) -> Any:
                if name == "device":
                    return Tensor.device
                raise AssertionError(f"{name} waits for the device")

        with Collector() as collector:
            probe = make_probe(collector.url)
            with self.assertLogs(log, "WARNING") as said:
                with probe.step(1):
                    for layer in range(2):
                        probe.end(probe.begin("expert", layer, 0), tokens=Tensor(), expert_tokens=Tensor(), bytes=7)
                self.assertTrue(probe.flush(60))
            probe.shutdown()
            self.assertIn("GPU's memory", "\n".join(said.output))
            for event in collector.events():
                self.assertEqual((event["bytes"], event.get("tokens"), event.get("expert_tokens")), (7, None, None))
            self.assertEqual(probe.stats()["on_device"], 4)
            self.assertEqual(probe.stats()["errors"], 0)

    def test_a_field_may_have_any_name(self) -> None:
        with Collector() as collector:
            probe = make_probe(collector.url)
            with probe.step(1), probe.stage("expert", 0, 0, mark=3, tokens=4):
                pass
            self.assertTrue(probe.flush(60))
            probe.shutdown()
            self.assertEqual([event["tokens"] for event in collector.events()], [4])

    def test_micro_batches_that_are_no_plain_integers_share_a_series(self) -> None:
        class Scalar:
            """As torch's: equal to others of its kind by another way, each with a hash of its own."""

            def __index__(self) -> int:
                return 2

        with Collector() as collector:
            probe = make_probe(collector.url)
            with probe.step(1):
                for _ in range(100):
                    probe.end(probe.begin("expert", 0, Scalar()))  # type: ignore[arg-type]
                self.assertEqual(len(probe._buffers.current.series), 1)
            self.assertTrue(probe.flush(60))
            probe.shutdown()
            self.assertEqual([event["microbatch"] for event in collector.events()], [2] * 100)

    def test_a_log_filter_that_raises_is_not_the_workers_trouble(self) -> None:
        def refuse(_: logging.LogRecord) -> bool:
            raise RuntimeError("filter")

        log.addFilter(refuse)
        self.addCleanup(log.removeFilter, refuse)
        probe = make_probe("http://127.0.0.1:9")
        probe.begin_step("x")  # type: ignore[arg-type]
        start_probe(role="nonsense")
        self.assertEqual(probe.stats()["errors"], 1)
        probe.shutdown(0)


if __name__ == "__main__":
    unittest.main()
