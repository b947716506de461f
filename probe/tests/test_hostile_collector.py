"""What no collector should answer, and some will: no memory, no processor time, no thread is lost to it."""

from __future__ import annotations

import os
import socket
import threading
import time
import unittest
from typing import Callable, List

from afdscope_probe.counters import Counters, log
from afdscope_probe.exporter import MAX_RETRY_AFTER_S, Exporter, _retry_after_s, shown
from afdscope_probe.otlp import PackedStep
from afdscope_probe.ring import MAX_ACTIVE_PULLS, Ring
from afdscope_probe.transport import NoAnswer, Transport

from .collector import Collector, make_probe


class Raw:
    """A server that does what `work` says with each connection, once its request is in."""

    def __init__(self, work: Callable[[socket.socket], None], host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.socket(family)
        self.listener.bind((host, 0))
        self.listener.listen(8)
        self.port: int = self.listener.getsockname()[1]
        self.work = work
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(one,), daemon=True).start()

    def _serve(self, one: socket.socket) -> None:
        with one:
            try:
                one.recv(65536)
                self.work(one)
            except OSError:
                pass


class Case(unittest.TestCase):
    def raw(self, work: Callable[[socket.socket], None], host: str = "127.0.0.1") -> Raw:
        server = Raw(work, host)
        self.addCleanup(server.listener.close)
        return server

    def transport(self, timeout_s: float) -> Transport:
        transport = Transport({}, timeout_s, "none", None, "test")
        self.addCleanup(transport.close)
        return transport


class Slow(Case):
    def trickle(self, head: bytes) -> None:
        """An answer that begins with `head` and never ends ends at the time-out all the same."""
        over = threading.Event()
        self.addCleanup(over.set)

        def work(one: socket.socket) -> None:
            one.sendall(head)
            while not over.wait(0.02):
                one.sendall(b"1")

        server = self.raw(work)
        with self.assertRaises(NoAnswer):
            self.transport(0.3).post(f"http://127.0.0.1:{server.port}/v1/traces", b"x")

    def test_heads(self) -> None:
        self.trickle(b"HTTP/1.1 200 OK\r\nx: ")

    def test_lengths_of_chunks(self) -> None:
        self.trickle(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")

    def test_bodies_that_end_with_the_connection(self) -> None:
        self.trickle(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")


@unittest.skipUnless(hasattr(os, "fork"), "no fork here")
class Forked(Case):
    def test_while_an_answer_is_read_the_child_does_not_wait_for_it(self) -> None:
        over = threading.Event()
        reading = threading.Event()
        self.addCleanup(over.set)

        def work(one: socket.socket) -> None:
            one.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
            reading.set()
            over.wait(60)

        server = self.raw(work)
        probe = make_probe(f"http://127.0.0.1:{server.port}")
        with probe.step(1), probe.stage("expert"):
            pass
        self.assertTrue(reading.wait(60))
        transport = probe.exporter._transport
        until = time.monotonic() + 60
        while time.monotonic() < until and not any(
            getattr(one, "_HTTPConnection__response", None) for one in transport._connections.values()
        ):
            time.sleep(0.01)
        time.sleep(0.05)
        child = os.fork()
        if child == 0:
            probe.after_fork_in_child()
            os._exit(0)
        ended = 0
        while ended == 0 and time.monotonic() < until:
            ended, status = os.waitpid(child, os.WNOHANG)
            time.sleep(0.01)
        if ended == 0:
            os.kill(child, 9)
            os.waitpid(child, 0)
        self.assertEqual(ended, child, "the child hangs")
        self.assertEqual(status, 0)
        over.set()
        probe.shutdown(1)


class Answers(Case):
    def test_of_any_length_are_read_as_far_as_the_bound(self) -> None:
        def work(one: socket.socket) -> None:
            one.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n")
            for _ in range(99):
                one.sendall(b"y" * 100_000)

        server = self.raw(work)
        transport = self.transport(60)
        for _ in range(2):
            answer = transport.post(f"http://127.0.0.1:{server.port}/v1/traces", b"x")
            self.assertEqual(answer.status, 200)
            self.assertLess(len(answer.body), 2 << 20)

    def test_that_ask_for_windows_without_end(self) -> None:
        ring = Ring(1 << 20, 10**9)
        for number in range(1000):
            ring.pull(f"id-{number};from=1;to=9000000000000000")
        self.assertEqual(len(ring._active), MAX_ACTIVE_PULLS)

    def test_that_say_where_else(self) -> None:
        moved = (301, {"location": "https://other.example/v1/traces"}, b"")
        with Collector(lambda _, __: moved) as collector:
            probe = make_probe(collector.url)
            with self.assertLogs(log, "WARNING") as said:
                with probe.step(1), probe.stage("expert"):
                    pass
                self.assertTrue(probe.flush(60))
            probe.shutdown()
        text = "\n".join(said.output)
        self.assertIn(f"{collector.url}/v1/traces refused", text)
        self.assertIn("301 to https://other.example/v1/traces", text)


class Again(Case):
    def test_retry_after_of_nonsense(self) -> None:
        for text, wanted in (
            ("Mon, 99 Jan 99999999999999999999 00:00:00 GMT", None),
            ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER_S), ("31536000", MAX_RETRY_AFTER_S),
            ("1e400", MAX_RETRY_AFTER_S), ("Mon, 01 Jan 0001 00:00:00 -0000", 0.0), ("-5", 0.0),
        ):
            self.assertEqual(_retry_after_s({"retry-after": text}), wanted, text)

    def test_at_once_is_not_at_once_for_ever(self) -> None:
        now = [0.0]
        counters = Counters()
        with Collector(lambda _, __: (503, {"retry-after": "0"}, b"")) as collector:
            transport = self.transport(60)
            exporter = Exporter(
                transport, collector.url + "/v1/traces", collector.url + "/v1/metrics", b"", "0", counters,
                1 << 20, monotonic_s=lambda: now[0], uniform=lambda _, most: most,
            )
            exporter.put([PackedStep(b"x", 5, 1, 1, 2)])
            until = time.monotonic() + 60
            while counters.get("retries") < 1 and time.monotonic() < until:
                time.sleep(0.01)
            with exporter._cond:
                self.assertEqual(exporter._not_before_s, 0.5)
            exporter.stop(now[0])

    def test_in_a_thread_of_the_callers_where_none_can_be_started(self) -> None:
        class NoThreads(Exporter):
            def _start(self) -> None:
                pass

        with Collector() as collector:
            counters = Counters()
            exporter = NoThreads(
                self.transport(60), collector.url + "/v1/traces", collector.url + "/v1/metrics", b"", "0",
                counters, 1 << 20,
            )
            exporter.put([PackedStep(b"x", 5, 1, 1, 2)])
            self.assertTrue(exporter.wait_idle(time.monotonic() + 60))
            self.assertEqual(counters.get("sent_events"), 5)
            self.assertEqual(len(collector.requests), 1)


class Addresses(Case):
    def test_of_ipv6_without_a_port_are_not_taken_apart(self) -> None:
        transport = self.transport(1)
        connection = transport._connect("http", "::1", None)
        self.assertEqual((connection.host, connection.port), ("::1", 80))
        self.assertEqual(transport._connect("https", "fe80::abcd", None).port, 443)

    @unittest.skipUnless(socket.has_ipv6, "no IPv6 here")
    def test_of_ipv6(self) -> None:
        got: List[bytes] = []

        def work(one: socket.socket) -> None:
            got.append(b"")
            one.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

        try:
            server = self.raw(work, "::1")
        except OSError:
            self.skipTest("no IPv6 loopback here")
        answer = self.transport(60).post(f"http://[::1]:{server.port}/v1/traces", b"x")
        self.assertEqual((answer.status, len(got)), (200, 1))

    def test_that_no_resolver_takes_are_no_answer(self) -> None:
        with self.assertRaises(NoAnswer):
            self.transport(60).post("http://" + "a" * 70 + ":4318/v1/traces", b"x")

    def test_a_certificate_that_is_not_there_is_named(self) -> None:
        transport = Transport({}, 5, "none", "/nowhere/ca.pem", "test")
        with self.assertRaises(NoAnswer) as raised:
            transport.post("https://127.0.0.1:1/v1/traces", b"x")
        self.assertIn("OTEL_EXPORTER_OTLP_CERTIFICATE '/nowhere/ca.pem'", str(raised.exception))

    def test_are_shown_without_secrets(self) -> None:
        self.assertEqual(shown("https://me:secret@host:4318/p/v1/traces?key=secret"), "https://host:4318/p/v1/traces")

    def test_proxies_of_the_environment_are_not_asked(self) -> None:
        from unittest import mock

        wrong = "http://127.0.0.1:1"
        with mock.patch.dict("os.environ", {"HTTP_PROXY": wrong, "http_proxy": wrong, "ALL_PROXY": wrong}):
            with Collector() as collector:
                self.assertEqual(self.transport(60).post(collector.url + "/v1/traces", b"x").status, 200)


if __name__ == "__main__":
    unittest.main()
