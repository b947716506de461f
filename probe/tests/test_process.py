"""The process's probe: start, fork, multiprocessing, the interpreter's end, being switched off."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest
from typing import Dict, List

from .collector import Collector
from .unpack import resource_in, steps_in

FOLDER = str(pathlib.Path(__file__).parents[1])

HEAD = """
import os, sys, logging
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
import afdscope_probe as afdscope
def step(probe, number, stage):
    probe.begin_step(number)
    probe.end(probe.begin(stage, 0, 0))
    probe.end_step()
"""


class Case(unittest.TestCase):
    def setUp(self) -> None:
        self.collector = Collector()
        self.addCleanup(self.collector.close)

    def python(self, text: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        env = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "AFDSCOPE_"))}
        env.update({"PYTHONPATH": FOLDER, "OTEL_EXPORTER_OTLP_ENDPOINT": self.collector.url,
                    "PYTHONDONTWRITEBYTECODE": "1", **environ})
        ran = subprocess.run([sys.executable, "-W", "error", "-c", HEAD + text], env=env, timeout=120,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertNotIn("Traceback", ran.stderr)
        return ran

    def by_incarnation(self) -> Dict[str, List[str]]:
        """What each process sent, as `step stage`."""
        found: Dict[str, List[str]] = {}
        for request in self.collector.requests:
            if request.path == "/v1/traces":
                incarnation = resource_in(request.body)["afd.incarnation"]
                for step, events in steps_in(request.body):
                    found.setdefault(incarnation, []).extend(f"{step} {one['stage']}" for one in events)
        return found


class Ends(Case):
    def test_the_interpreters_end_sends_what_is_left(self) -> None:
        self.python("""
probe = afdscope.start(role="ffn", rank=2)
assert probe.enabled and afdscope.get_probe() is probe and afdscope.start(role="attention") is probe
step(probe, 1, "expert")
probe.begin_step(2)
probe.end(probe.begin("open", 0, 0))
""")
        self.assertEqual(list(self.by_incarnation().values()), [["1 expert", "2 open"]])
        resource = resource_in(self.collector.requests[0].body)
        self.assertEqual((resource["afd.role"], resource["afd.rank"]), ("ffn", 2))

    def test_the_end_does_not_wait_for_a_collector_that_is_away(self) -> None:
        ran = self.python("""
probe = afdscope.start(role="ffn", endpoint="http://127.0.0.1:9")
step(probe, 1, "expert")
""", AFDSCOPE_PROBE_EXIT_MS="300")
        self.assertIn("1 shutdown", ran.stderr)

    def test_a_worker_that_fails_sends_too(self) -> None:
        self.python("""
import threading
probe = afdscope.start(role="ffn")
def work():
    with probe.step(4):
        with probe.stage("expert"):
            raise SystemExit(3)
thread = threading.Thread(target=work); thread.start(); thread.join()
""")
        self.assertEqual(list(self.by_incarnation().values()), [["4 expert"]])


@unittest.skipUnless(hasattr(os, "fork"), "no fork here")
class Children(Case):
    def test_of_fork_send_their_own_alone(self) -> None:
        self.python("""
probe = afdscope.start(role="ffn", rank=1)
for number in range(50):
    step(probe, number, "parent")
mark = probe.begin("forked", 0, 0)
child = os.fork()
if child == 0:
    probe.end(mark)
    step(probe, 100, "child")
    ok = probe.flush(60)
    stats = probe.stats()
    os._exit(0 if ok and stats["events"] == 1 and stats["errors"] == 0 else 1)
assert os.waitpid(child, 0)[1] == 0
probe.end(mark)
step(probe, 101, "parent")
assert probe.flush(60)
assert probe.stats()["errors"] == 0, probe.stats()
""")
        sent = sorted(self.by_incarnation().values(), key=len)
        self.assertEqual(len(sent), 2)
        self.assertEqual(sent[0], ["100 child"])
        self.assertEqual(sorted(sent[1]), sorted(
            [f"{number} parent" for number in range(50)] + ["101 parent", "-1 forked"]
        ))

    def test_of_fork_while_threads_record_do_not_hang(self) -> None:
        self.python("""
import threading
probe = afdscope.start(role="ffn", rank=1)
stop = threading.Event()
def work():
    number = 0
    while not stop.is_set():
        number += 1
        step(probe, number, "parent")
        probe.record("gpu", probe.now_unix_ns(), 5, step=number)
threads = [threading.Thread(target=work) for _ in range(2)]
for one in threads: one.start()
for _ in range(20):
    child = os.fork()
    if child == 0:
        step(probe, 1, "child")
        os._exit(0 if probe.flush(60) else 1)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
for one in threads: one.join()
""")
        children = [sent for sent in self.by_incarnation().values() if "1 child" in sent]
        self.assertEqual(children, [["1 child"]] * 20)

    def test_of_fork_find_no_import_under_way(self) -> None:
        # What a thread of the parent imports just then is never imported in the child: it waits for its lock.
        self.python("""
probe = afdscope.start(role="ffn", rank=1)
before = set(sys.modules)
step(probe, 1, "parent")
assert probe.flush(60)
late = sorted(set(sys.modules) - before)
assert not late, late
""")

    def test_of_multiprocessing_send_at_their_end(self) -> None:
        self.python("""
import multiprocessing
probe = afdscope.start(role="ffn", rank=1)
step(probe, 1, "parent")
def work():
    step(afdscope.get_probe(), 2, "child")
process = multiprocessing.get_context("fork").Process(target=work)
process.start(); process.join()
assert process.exitcode == 0
""")
        self.assertEqual(sorted(self.by_incarnation().values()), [["1 parent"], ["2 child"]])

    def test_of_multiprocessing_that_are_spawned_or_served(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            script = pathlib.Path(folder, "job.py")
            script.write_text(HEAD + """
def work(number):
    # A flush first: it, too, starts the thread.
    probe = afdscope.start(role="ffn", rank=number)
    probe.flush(60)
    step(probe, number, "child")
if __name__ == "__main__":
    import multiprocessing
    for number, way in enumerate(("spawn", "forkserver")):
        process = multiprocessing.get_context(way).Process(target=work, args=(number,))
        process.start(); process.join()
        assert process.exitcode == 0
""")
            self.python(f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')")
        self.assertEqual(sorted(self.by_incarnation().values()), [["0 child"], ["1 child"]])

    def test_of_multiprocessing_whose_probe_was_there_before_it(self) -> None:
        """As from a line in a .pth file: the thread runs before multiprocessing is imported, and
        what is registered there by then is forgotten when the child's work begins."""
        self.python("""
import multiprocessing, threading, time
from multiprocessing import util
probe = afdscope.start(role="ffn", rank=1)
def work():
    probe = afdscope.get_probe()
    step(probe, 1, "child")
    assert probe.flush(60)
    util._finalizer_registry.clear()
    probe.flush(60)
    step(probe, 2, "child")
process = multiprocessing.get_context("fork").Process(target=work)
process.start(); process.join()
assert process.exitcode == 0
""")
        self.assertEqual(list(self.by_incarnation().values()), [["1 child", "2 child"]])


class Signals(Case):
    def run_and_terminate(self, text: str) -> int:
        """A worker that prints a line once it works, and is told to end then."""
        env = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "AFDSCOPE_"))}
        env.update({"PYTHONPATH": FOLDER, "OTEL_EXPORTER_OTLP_ENDPOINT": self.collector.url})
        with subprocess.Popen([sys.executable, "-c", HEAD + text], env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as worker:
            assert worker.stdout is not None
            worker.stdout.readline()
            worker.send_signal(signal.SIGTERM)
            return worker.wait(60)

    WORK = """
probe = afdscope.start(role="ffn", rank=0)
probe.settings.period_s = 3600
step(probe, 1, "expert")
print("works", flush=True)
import time; time.sleep(60)
"""

    @unittest.skipIf(sys.platform == "win32", "no such signals")
    def test_that_nobody_handles_take_the_last_steps_along(self) -> None:
        """As docs/connect/own-engine.md says."""
        self.assertEqual(self.run_and_terminate(self.WORK), -signal.SIGTERM)
        self.assertEqual(self.by_incarnation(), {})

    @unittest.skipIf(sys.platform == "win32", "no such signals")
    def test_that_end_the_interpreter_do_not(self) -> None:
        handle = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))"
        self.assertEqual(self.run_and_terminate(handle + self.WORK), 143)
        self.assertEqual(list(self.by_incarnation().values()), [["1 expert"]])


class Off(Case):
    def test_without_a_role_it_says_why_and_does_nothing(self) -> None:
        ran = self.python("""
probe = afdscope.start()
assert not probe.enabled
step(probe, 1, "expert")
with probe.step(2), probe.stage("x", layer=1, tokens=5): pass
probe.record("x", 1, 2, step=3, tokens=4)
probe.hold_step(1); probe.release_step(1); probe.set_resource("hw.id", "g")
assert probe.flush() and probe.stats() == {} and probe.now_unix_ns() > 10**18
probe.shutdown()
""")
        self.assertIn("afd.role", ran.stderr)
        self.assertEqual(self.collector.requests, [])

    def test_by_either_variable(self) -> None:
        for name, value in (("AFDSCOPE_PROBE", "0"), ("OTEL_SDK_DISABLED", "true")):
            self.python('step(afdscope.start(role="ffn"), 1, "expert")', **{name: value})
        self.assertEqual(self.collector.requests, [])

    def test_by_settings_that_are_wrong(self) -> None:
        for environ, said in (
            ({"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"}, "localhost:4318"),
            ({"AFDSCOPE_PROBE_MODE": "some"}, "1/16"),
            ({"OTEL_RESOURCE_ATTRIBUTES": "afd.rank=x"}, "afd.rank"),
            ({"OTEL_EXPORTER_OTLP_HEADERS": "secret"}, "OTEL_EXPORTER_OTLP_HEADERS"),
        ):
            ran = self.python('assert not afdscope.start(role="ffn").enabled', **environ)
            self.assertIn(said, ran.stderr)
            self.assertNotIn("secret", ran.stderr)

    def test_importing_it_imports_nothing_that_is_heavy(self) -> None:
        self.python("""
heavy = {"torch", "numpy", "opentelemetry", "pynvml", "vllm", "sglang", "multiprocessing"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
""")


if __name__ == "__main__":
    unittest.main()
