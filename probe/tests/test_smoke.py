"""A step goes over HTTP."""

from __future__ import annotations

import http.server
import threading
import unittest

from afdscope_probe.probe import Probe
from afdscope_probe.settings import Settings


class Smoke(unittest.TestCase):
    def test_a_step_is_sent(self) -> None:
        bodies = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                bodies.append(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        probe = Probe(
            Settings.from_env({}, role="attention", rank=0,
                              endpoint=f"http://127.0.0.1:{server.server_address[1]}")
        )
        with probe.step(12):
            for layer in range(3):
                with probe.stage("attention", layer=layer, microbatch=0, tokens=128):
                    pass
            probe.end(probe.begin("sample"))
            probe.record("a2f_send", probe.now_unix_ns(), 5000, layer=1, peer=2)
        self.assertTrue(probe.flush(20))
        probe.shutdown()
        server.shutdown()
        server.server_close()
        stats = probe.stats()
        self.assertEqual(stats["events"], 5)
        self.assertEqual(stats["sent_events"], 5)
        self.assertEqual(stats["dropped_events"], 0)
        self.assertEqual(stats["errors"], 0)
        self.assertIn(b"AFD\x01", b"".join(bodies))


if __name__ == "__main__":
    unittest.main()
