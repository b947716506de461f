"""One connection for many requests: answers with a body, without one, and in chunks."""

import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from afdscope_probe.transport import Transport

ANSWERS = {"/empty": b"", "/short": b"\x0a\x00", "/long": bytes(200_000)}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    peers: "list[tuple[str, int]]" = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.peers.append(self.client_address)
        self.send_response(200)
        if self.path == "/chunked":
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3\r\nabc\r\n0\r\n\r\n")
            return
        body = ANSWERS[self.path]
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


class KeptConnection(unittest.TestCase):
    def test_every_kind_of_answer_leaves_it_usable(self) -> None:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        transport = Transport({}, 10.0, "none", None, "test")
        self.addCleanup(transport.close)
        Handler.peers.clear()
        paths = ["/empty", "/empty", "/short", "/chunked", "/long", "/short", "/empty"]
        for path in paths:
            answer = transport.post(f"http://127.0.0.1:{server.server_port}{path}", b"body")
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.body, ANSWERS.get(path, b"abc"))
        self.assertEqual(len(Handler.peers), len(paths))
        self.assertEqual(len(set(Handler.peers)), 1)


if __name__ == "__main__":
    unittest.main()
