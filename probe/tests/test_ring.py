"""The ring: what it keeps, what a pull gets of it, and how fast."""

import http.server
import random
import threading
import time
import unittest
from unittest import mock

from afdscope_probe.otlp import PackedStep
from afdscope_probe.probe import Probe
from afdscope_probe.ring import STEP_BYTES, Ring, parse_pulls
from afdscope_probe.settings import Settings

S = 1_000_000_000
BASE_S = 1_767_225_600


class Clock:
    def __init__(self):
        self.now_s = float(BASE_S)

    def unix_ns(self):
        return int(self.now_s * S)

    def monotonic_s(self):
        return self.now_s


def ring_of(clock, max_bytes=1 << 20, keep_s=30, bytes_per_s=1 << 20, deployment="prod"):
    return Ring(max_bytes, keep_s * S, deployment, bytes_per_s,
                now_unix_ns=clock.unix_ns, monotonic_s=clock.monotonic_s)


def step_at(second, number=0, size=100, lasts_s=0.05):
    start = int((BASE_S + second) * S)
    return PackedStep(bytes(size), 1, number, start, start + int(lasts_s * S))


def asks(name, from_s, to_s, deployment="prod"):
    return f"{name};from={(BASE_S + from_s) * 1000:.0f};to={(BASE_S + to_s) * 1000:.0f};deployment={deployment}"


def drain(ring, clock, seconds=100):
    """Everything that comes, and when."""
    got = []
    for _ in range(seconds * 4):
        clock.now_s += 0.25
        got += [(clock.now_s, step) for step in ring.due(1 << 30)]
    return got


class ParseTest(unittest.TestCase):
    def test_several_values_and_what_cannot_be_read(self):
        pulls = parse_pulls(
            "a.1;from=1000;to=2000;deployment=a%2Cb, b.2;to=3000.5;from=2000;later=1, ,c;from=x;to=3,"
            "d;from=5;to=4,;from=1;to=2,e;from=1,f;from=1;to=2"
        )
        self.assertEqual(
            [(p.id, p.from_unix_ns, p.to_unix_ns, p.deployment) for p in pulls],
            [("a.1", 1000 * 10**6, 2000 * 10**6, "a,b"), ("b.2", 2000 * 10**6, 3000 * 10**6, None),
             ("f", 10**6, 2 * 10**6, None)],
        )

    def test_anything(self):
        rng = random.Random(5)
        for _ in range(3000):
            text = "".join(rng.choice("a;=,.fromtdeplyn%19 \u00e9-") for _ in range(rng.randrange(60)))
            self.assertIsInstance(parse_pulls(text), list)
        self.assertEqual(parse_pulls("a;from=nan;to=inf"), [])
        self.assertEqual(parse_pulls("a;from=-1;to=9e99"), [])


class RingTest(unittest.TestCase):
    def test_keeps_the_last_seconds_within_its_bytes(self):
        clock = Clock()
        ring = ring_of(clock)
        for number in range(1000):
            ring.keep(step_at(number * 0.1, number))
        ring.pull(asks("i", 0, 1000))
        numbers = [step.step for _, step in drain(ring, clock)]
        self.assertEqual(numbers, list(range(699, 1000)))
        small = ring_of(clock, max_bytes=10 * (100 + STEP_BYTES))
        for number in range(1000):
            small.keep(step_at(number * 0.1, number))
            held = {m.name.rsplit(".", 1)[-1]: m.points[0].value for m in small.metrics()}
            self.assertLessEqual(held["bytes"], 10 * (100 + STEP_BYTES))
        small.pull(asks("i", 0, 1000))
        self.assertEqual([step.step for _, step in drain(small, clock)], list(range(990, 1000)))

    def test_a_window_gets_the_steps_that_overlap_it_those_too_that_end_while_it_lasts(self):
        clock = Clock()
        ring = ring_of(clock)
        for number in range(100):
            ring.keep(step_at(number * 0.1, number))
        clock.now_s = BASE_S + 10
        ring.pull(asks("i", 5, 12))
        for number in range(100, 160):
            clock.now_s = BASE_S + number * 0.1
            ring.keep(step_at(number * 0.1, number))
        self.assertEqual([step.step for _, step in drain(ring, clock)], list(range(50, 120)))

    def test_each_id_and_each_step_once(self):
        clock = Clock()
        ring = ring_of(clock)
        for number in range(100):
            ring.keep(step_at(number * 0.1, number))
        ring.pull(asks("i", 2, 5))
        first = drain(ring, clock)
        ring.pull(asks("i", 0, 100))
        self.assertEqual(drain(ring, clock), [])
        ring.pull(asks("j", 4, 7) + ", " + asks("k", 6, 8))
        second = drain(ring, clock)
        self.assertEqual([step.step for _, step in first], list(range(20, 50)))
        self.assertEqual([step.step for _, step in second], list(range(50, 80)))

    def test_of_other_deployments_nothing(self):
        clock = Clock()
        ring = ring_of(clock, deployment="größe;a,b")
        ring.keep(step_at(1))
        ring.pull(asks("i", 0, 9, "prod"))
        self.assertEqual(drain(ring, clock, 5), [])
        self.assertNotIn(",", ring.header)
        _, _, name = ring.header.partition("deployment=")
        ring.pull(asks("j", 0, 9, name))
        self.assertEqual(len(drain(ring, clock, 5)), 1)

    def test_the_rate_holds_in_every_second(self):
        for seed in range(30):
            rng = random.Random(seed)
            clock = Clock()
            rate = rng.choice([2_000, 20_000])
            ring = ring_of(clock, bytes_per_s=rate)
            sizes = [rng.randrange(10, 1500) for _ in range(200)]
            for number, size in enumerate(sizes):
                ring.keep(step_at(number * 0.1, number, size))
            ring.pull(asks("i", 0, 100))
            begun_s = clock.now_s
            got = drain(ring, clock, 300)
            self.assertEqual([step.step for _, step in got], list(range(200)))
            for index, (at_s, _) in enumerate(got):
                sent = sum(len(step.payload) for _, step in got[: index + 1])
                self.assertLessEqual(sent, rate * (at_s - begun_s) + 1)

    def test_a_step_that_is_larger_than_a_second_allows_goes_alone(self):
        clock = Clock()
        ring = ring_of(clock, bytes_per_s=1000)
        ring.keep(step_at(0, 0, 50_000))
        ring.keep(step_at(1, 1, 10))
        ring.pull(asks("i", 0, 9))
        got = drain(ring, clock)
        self.assertEqual([step.step for _, step in got], [0, 1])
        self.assertGreaterEqual(got[1][0] - got[0][0], 40)

    def test_what_is_wanted_does_not_grow_too_old_but_gives_way_when_there_is_no_room(self):
        clock = Clock()
        ring = ring_of(clock, max_bytes=100 * (100 + STEP_BYTES), bytes_per_s=1)
        for number in range(50):
            ring.keep(step_at(number * 0.1, number))
        ring.pull(asks("i", 0, 4.96))
        ring.keep(step_at(1000, 1000))
        self.assertEqual(ring.lost_steps, 0)
        clock.now_s += 2000
        for number in range(60):
            ring.keep(step_at(2000 + number * 0.1, number))
        ring.pull(asks("j", 2000, 2100))
        for number in range(60):
            ring.keep(step_at(2010 + number * 0.1, number))
        self.assertEqual(ring.lost_steps, 60)

    def test_room_of_the_queue(self):
        clock = Clock()
        ring = ring_of(clock)
        for number in range(10):
            ring.keep(step_at(number, number))
        ring.pull(asks("i", 0, 20))
        clock.now_s += 1
        self.assertEqual(ring.due(-5), [])
        self.assertEqual(len(ring.due(250)), 2)
        self.assertEqual(len(ring.due(1 << 20)), 8)


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes everything; answers what `asked` says."""

    asked = []
    rings = []
    bodies = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        Collector.rings.append(self.headers.get("afdscope-ring"))
        Collector.bodies.append((self.path, body))
        self.send_response(200)
        for value in Collector.asked:
            self.send_header("afdscope-pull", value)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class ProbeTest(unittest.TestCase):
    def setUp(self):
        Collector.asked, Collector.rings, Collector.bodies = [], [], []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def test_a_probe_in_ring_mode_sends_a_window_when_it_is_asked(self):
        from afdscope_probe.start import _ring

        endpoint = f"http://127.0.0.1:{self.server.server_port}"
        settings = Settings.from_env({}, role="ffn", rank=0, deployment="prod", mode="ring",
                                     endpoint=endpoint)
        with mock.patch("afdscope_probe.probe.HELLO_S", 0.05):
            probe = Probe(settings, _ring(settings))
        self.addCleanup(probe.shutdown)
        for step in range(20):
            with probe.step(step):
                with probe.stage("expert", 0, 0):
                    pass
        from_ms = time.time() * 1000 - 60_000
        self.wait_for(lambda: len(Collector.rings) > 0 and probe.stats()["steps"] == 20)
        self.assertEqual({path for path, _ in Collector.bodies}, {"/v1/metrics"})
        self.assertEqual(set(Collector.rings), {"30;deployment=prod"})
        # Two lines: what comes of the other deployment's is nothing.
        Collector.asked = [f"other;from={from_ms:.0f};to={from_ms + 90_000:.0f};deployment=other",
                           f"mine;from={from_ms:.0f};to={from_ms + 90_000:.0f};deployment=prod"]
        self.wait_for(lambda: probe.stats().get("pulled_steps", 0) == 20)
        self.assertTrue(probe.flush())
        sent = b"".join(body for path, body in Collector.bodies if path == "/v1/traces")
        self.assertEqual(sent.count(b"afd.packed"), 20)
        with probe.step(20):
            with probe.stage("expert", 0, 0):
                pass
        self.wait_for(lambda: probe.stats().get("pulled_steps", 0) == 21)

    def wait_for(self, holds):
        until_s = time.monotonic() + 60
        while not holds():
            self.assertLess(time.monotonic(), until_s, "it never came")
            time.sleep(0.02)

    def test_a_child_of_fork_has_nothing_of_the_parents(self):
        settings = Settings.from_env({}, role="ffn", rank=0, mode="ring",
                                     endpoint=f"http://127.0.0.1:{self.server.server_port}")
        ring = Ring(1 << 20, 30 * S)
        probe = Probe(settings, ring)
        self.addCleanup(probe.shutdown)
        ring.keep(step_at(0))
        ring.pull("i;from=0;to=9999999999999")
        ring._lock.acquire()
        probe.after_fork_in_child()
        self.assertEqual(ring.due(1 << 20), [])
        ring.pull("j;from=0;to=9999999999999")
        self.assertEqual(ring.due(1 << 20), [])


if __name__ == "__main__":
    unittest.main()
