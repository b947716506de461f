"""A collector on loopback that answers as a test says."""

from __future__ import annotations

import gzip
import http.server
import threading
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from afdscope_probe.probe import Probe
from afdscope_probe.settings import Settings

from .unpack import steps_in


class Request(NamedTuple):
    path: str
    headers: Dict[str, str]
    body: bytes


#: Status, headers, body; None: the connection is closed without an answer.
Reply = Optional[Tuple[int, Dict[str, str], bytes]]
OK: Reply = (200, {}, b"")


class Collector:
    """`answer` gets the number of the request, from 0."""

    def __init__(self, answer: Callable[[int, Request], Reply] = lambda _, __: OK, port: int = 0) -> None:
        self.requests: List[Request] = []
        self.lock = threading.Lock()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                if headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                request = Request(self.path, headers, body)
                with collector.lock:
                    number = len(collector.requests)
                    collector.requests.append(request)
                reply = answer(number, request)
                if reply is None:
                    self.close_connection = True
                    return
                status, more, text = reply
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args: Any) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self) -> "Collector":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def steps(self) -> List[Tuple[int, List[Dict[str, Any]]]]:
        """All packed steps that came, in the order of their coming."""
        with self.lock:
            bodies = [one.body for one in self.requests if one.path.endswith("/v1/traces")]
        return [step for body in bodies for step in steps_in(body)]

    def events(self) -> List[Dict[str, Any]]:
        return [{**event, "step": step} for step, events in self.steps() for event in events]


def make_probe(endpoint: str, ring: Any = None, **environ: str) -> Probe:
    """A probe of its own, with short times."""
    settings = Settings.from_env(environ, role="attention", rank=3, endpoint=endpoint)
    settings.period_s = 0.02
    settings.telemetry_s = 0
    return Probe(settings, ring)


def unused_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
