"""Batches, retries, the bound, and answers, over real HTTP on loopback."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
from typing import List

from afdscope_probe.counters import Counters
from afdscope_probe.exporter import ITEM_BYTES, Exporter, MetricsBody, _retry_after_s
from afdscope_probe.otlp import PackedStep, _bytes, _text
from afdscope_probe.packed_bytes import varint
from afdscope_probe.transport import Transport

from .collector import OK, Collector, make_probe, unused_port


def step(number: int, size: int = 100, events: int = 5) -> PackedStep:
    return PackedStep(bytes([number]) * size, events, number, 10**18, 10**18 + 1)


def partial(rejected: int, message: str) -> bytes:
    return _bytes(1, b"\x08" + varint(rejected) + _text(2, message))


class Case(unittest.TestCase):
    def setUp(self) -> None:
        self.bounds: List[float] = []

    def exporter(self, url: str, queue_bytes: int = 1 << 20, timeout_s: float = 20.0,
                 compression: str = "none") -> Exporter:
        self.counters = Counters()
        made = Exporter(
            Transport({"x-key": "a b"}, timeout_s, compression, None, "test"),
            url + "/v1/traces", url + "/v1/metrics", b"", "1", self.counters, queue_bytes,
            on_pull=lambda header: self.pulls.append(header), uniform=self.uniform,
        )
        self.pulls: List[str] = []
        self.addCleanup(made.stop, time.monotonic())
        return made

    def uniform(self, low: float, high: float) -> float:
        self.assertEqual(low, 0.0)
        self.bounds.append(high)
        return 0.01

    def wait(self, exporter: Exporter) -> None:
        self.assertTrue(exporter.wait_idle(time.monotonic() + 60))

    def get(self, name: str) -> int:
        return self.counters.get(name)


class Sending(Case):
    def test_many_steps_go_in_one_request_and_metrics_to_their_own_path(self) -> None:
        with Collector() as collector:
            exporter = self.exporter(collector.url)
            exporter.put([step(1), step(2), MetricsBody(b""), step(3)])
            self.wait(exporter)
            self.assertEqual([one.path for one in collector.requests],
                             ["/v1/traces", "/v1/metrics", "/v1/traces"])
            self.assertEqual(collector.requests[0].headers["x-key"], "a b")
            self.assertEqual(collector.requests[0].headers["content-type"], "application/x-protobuf")
            self.assertEqual(self.get("sent_events"), 15)
            self.assertEqual(exporter.queue_bytes, 0)

    def test_gzip(self) -> None:
        with Collector() as collector:
            exporter = self.exporter(collector.url, compression="gzip")
            exporter.put([step(1, 5000)])
            self.wait(exporter)
            self.assertEqual(collector.requests[0].headers["content-encoding"], "gzip")
            self.assertIn(bytes([1]) * 5000, collector.requests[0].body)
            self.assertLess(int(collector.requests[0].headers["content-length"]), 500)

    def test_what_can_be_sent_again_is_with_longer_and_longer_pauses(self) -> None:
        codes = [429, 502, 503, 504, 503, 503, 503, 503]
        with Collector(lambda n, _: (codes[n], {}, b"") if n < len(codes) else OK) as collector:
            exporter = self.exporter(collector.url)
            exporter.put([step(1)])
            self.wait(exporter)
            self.assertEqual(len(collector.requests), len(codes) + 1)
            self.assertEqual(len({one.body[-100:] for one in collector.requests}), 1)
        self.assertEqual(self.bounds, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0])
        self.assertEqual(self.get("retries"), len(codes))
        self.assertEqual(self.get("sent_events"), 5)

    def test_a_connection_that_breaks_is_a_reason_to_try_again(self) -> None:
        with Collector(lambda n, _: None if n < 3 else OK) as collector:
            exporter = self.exporter(collector.url)
            exporter.put([step(1)])
            self.wait(exporter)
        self.assertEqual(self.get("sent_events"), 5)
        self.assertGreaterEqual(self.get("retries"), 1)

    def test_what_is_refused_is_not_sent_again(self) -> None:
        with Collector(lambda n, _: (400, {}, b"no") if n == 0 else OK) as collector:
            exporter = self.exporter(collector.url)
            exporter.put([step(1)])
            self.wait(exporter)
            exporter.put([step(2)])
            self.wait(exporter)
            self.assertEqual(len(collector.requests), 2)
        self.assertEqual(self.get("dropped_events.refused"), 5)
        self.assertEqual(self.get("sent_events"), 5)

    def test_a_partial_success_is_counted(self) -> None:
        with Collector(lambda *_: (200, {}, partial(3, "set afd.rank"))) as collector:
            exporter = self.exporter(collector.url)
            with self.assertLogs("afdscope_probe", "WARNING") as logs:
                exporter.put([step(1)])
                self.wait(exporter)
                exporter.put([step(2)])
                self.wait(exporter)
        self.assertEqual(self.get("dropped_events.rejected"), 6)
        self.assertEqual(self.get("sent_events"), 4)
        self.assertEqual([line for line in logs.output if "afd.rank" in line][1:], [], "said once a minute")

    def test_answers_of_nonsense_harm_nothing(self) -> None:
        bodies = [b"\xff" * 40, b"<html>", b"\x0a\xff", partial(2**63 + 5, "?"), b"\x08\x80"]
        with Collector(lambda n, _: (200, {}, bodies[n])) as collector:
            exporter = self.exporter(collector.url)
            for number in range(len(bodies)):
                exporter.put([step(number)])
                self.wait(exporter)
        self.assertEqual(self.get("errors"), 0)
        self.assertEqual(self.get("sent_events"), 25)

    def test_the_answers_pull_is_handed_on(self) -> None:
        with Collector(lambda *_: (200, {"Afdscope-Pull": "7;from=1;to=2"}, b"")) as collector:
            exporter = self.exporter(collector.url)
            exporter.put([step(1)])
            self.wait(exporter)
            self.assertEqual(self.pulls, ["7;from=1;to=2"])


class Pauses(unittest.TestCase):
    def test_retry_after(self) -> None:
        self.assertEqual(_retry_after_s({"retry-after": "7"}), 7.0)
        self.assertEqual(_retry_after_s({"retry-after": "0"}), 0.0)
        self.assertEqual(_retry_after_s({"retry-after": "-4"}), 0.0)
        self.assertEqual(_retry_after_s({"retry-after": "99999999"}), 300.0)
        self.assertEqual(_retry_after_s({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}), 0.0)
        for odd in ("", "soon", "nan", "1 2", "Fri, 99 Dec"):
            self.assertIsNone(_retry_after_s({"retry-after": odd}), odd)

    def test_is_kept_to_and_what_comes_meanwhile_starts_no_try(self) -> None:
        now = [100.0]
        counters = Counters()
        answers = [(503, {"Retry-After": "60"}, b""), OK]
        with Collector(lambda n, _: answers[min(n, 1)]) as collector:
            exporter = Exporter(
                Transport({}, 20, "none", None, "test"), collector.url, collector.url, b"", "1", counters,
                1 << 20, monotonic_s=lambda: now[0],
            )
            exporter.put([step(1)])
            until = time.monotonic() + 60
            while counters.get("retries") == 0 and time.monotonic() < until:
                time.sleep(0.01)
            self.assertTrue(exporter.failing)
            self.assertEqual(exporter._not_before_s, 160.0)
            for number in range(50):
                exporter.put([step(number)])
            time.sleep(0.2)
            self.assertEqual(len(collector.requests), 1)
            now[0] = 160.5
            exporter.put([step(99)])
            while counters.get("sent_events") < 52 * 5 and time.monotonic() < until:
                time.sleep(0.01)
            self.assertEqual(counters.get("sent_events"), 52 * 5)
            exporter.stop(now[0])


class Away(Case):
    def test_the_queue_is_bounded_and_the_oldest_go(self) -> None:
        room = 10 * (1000 + ITEM_BYTES)
        exporter = self.exporter(f"http://127.0.0.1:{unused_port()}", queue_bytes=room)
        for number in range(200):
            exporter.put([step(number, 1000)])
            self.assertLessEqual(exporter.queue_bytes, room)
        with exporter._cond:
            waiting = [*exporter._in_flight, *exporter._queue]
            dropped = self.get("dropped_events.queue_full")
        self.assertLessEqual(len(waiting), 10)
        self.assertEqual(dropped + 5 * len(waiting), 1000)
        self.assertEqual(waiting[-1].payload[0], 199)

    def test_a_collector_that_comes_back_gets_what_waited(self) -> None:
        port = unused_port()
        exporter = self.exporter(f"http://127.0.0.1:{port}")
        for number in range(20):
            exporter.put([step(number)])
        until = time.monotonic() + 60
        while self.get("retries") < 3 and time.monotonic() < until:
            time.sleep(0.01)
        self.assertGreaterEqual(self.get("retries"), 3)
        with Collector(port=port):
            self.wait(exporter)
        self.assertEqual(self.get("sent_events"), 100)
        self.assertEqual(self.get("dropped_events.queue_full"), 0)

    def test_a_collector_that_hangs_holds_up_nothing_but_the_sending_thread(self) -> None:
        release = threading.Event()

        def answer(number: int, _: object) -> object:
            if number == 0:
                release.wait(60)
                return None
            return OK

        with Collector(answer) as collector:  # type: ignore[arg-type]
            probe = make_probe(collector.url, OTEL_EXPORTER_OTLP_TIMEOUT="300")
            with probe.step(1):
                probe.end(probe.begin("attention", 0, 0))
            self.assertTrue(probe.flush(60), "the second try is answered")
            release.set()
            self.assertGreaterEqual(probe.stats()["retries"], 1)
            self.assertEqual(probe.stats()["sent_events"], 1)
            probe.shutdown()

    def test_shutdown_counts_what_is_lost(self) -> None:
        probe = make_probe(f"http://127.0.0.1:{unused_port()}")
        with probe.step(1):
            probe.end(probe.begin("attention", 0, 0))
        probe.shutdown(0.5)
        stats = probe.stats()
        self.assertEqual(stats["events"], 1)
        self.assertEqual(stats["dropped_events.shutdown"], 1)
        probe.shutdown()
        probe.begin_step(2)
        probe.end(probe.begin("attention", 0, 0))
        self.assertFalse(probe.flush(0.1))


@unittest.skipUnless(shutil.which("openssl"), "no openssl to make a certificate with")
class Tls(unittest.TestCase):
    def test_a_collector_is_trusted_by_the_certificate_that_is_given_and_by_no_other(self) -> None:
        with tempfile.TemporaryDirectory() as folder, Collector() as collector:
            key, certificate = f"{folder}/key.pem", f"{folder}/cert.pem"
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                 "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            collector.server.socket = context.wrap_socket(collector.server.socket, server_side=True)
            url = f"https://127.0.0.1:{collector.port}"
            stranger = make_probe(url)
            trusting = make_probe(url, OTEL_EXPORTER_OTLP_CERTIFICATE=certificate)
            for probe in (stranger, trusting):
                with probe.step(1):
                    probe.end(probe.begin("attention", 0, 0))
            self.assertTrue(trusting.flush(60))
            self.assertFalse(stranger.flush(0.5))
            trusting.shutdown()
            stranger.shutdown(0.1)
            self.assertEqual(len(collector.events()), 1)


if __name__ == "__main__":
    unittest.main()
