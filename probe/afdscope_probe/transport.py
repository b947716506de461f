"""One HTTP/1.1 connection that is kept open, from the standard library."""

from __future__ import annotations

import gzip
import http.client
import ssl
import time
from dataclasses import dataclass
from typing import Dict, Mapping, Optional
from urllib.parse import urlsplit

#: More of an answer is not read.
MAX_ANSWER_BYTES = 1 << 20
#: Bodies below this are sent as they are: gzip would not pay.
MIN_GZIP_BYTES = 512

#: What `post` raises where there is no answer.
NoAnswer = (OSError, http.client.HTTPException)


@dataclass(frozen=True)
class Answer:
    """`headers` by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Posts protobuf bodies. Not thread-safe: the sender's alone."""

    def __init__(
        self,
        headers: Mapping[str, str],
        timeout_s: float,
        compression: str,
        certificate: Optional[str],
        user_agent: str,
    ) -> None:
        self._headers: Dict[str, str] = {
            "content-type": "application/x-protobuf",
            "user-agent": user_agent,
            **headers,
        }
        self._timeout_s = timeout_s
        self._gzip = compression == "gzip"
        self._certificate = certificate
        self._tls: Optional[ssl.SSLContext] = None
        self._connections: Dict[str, http.client.HTTPConnection] = {}

    def post(self, url: str, body: bytes, timeout_s: Optional[float] = None) -> Answer:
        """One request. Raises NoAnswer; the connection is closed then."""
        limit_s = self._timeout_s if timeout_s is None else min(timeout_s, self._timeout_s)
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        connection = self._connections.get(origin)
        fresh = connection is None
        if connection is None:
            connection = self._connect(parts.scheme, parts.hostname or "", parts.port)
            self._connections[origin] = connection
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = dict(self._headers)
        if self._gzip and len(body) >= MIN_GZIP_BYTES:
            body = gzip.compress(body, 1)
            headers["content-encoding"] = "gzip"
        until_s = time.monotonic() + limit_s
        try:
            try:
                return self._exchange(connection, path, body, headers, until_s)
            except (ConnectionError, http.client.BadStatusLine):
                # A kept connection that the other side closed meanwhile says nothing about the collector.
                if fresh:
                    raise
                connection.close()
                return self._exchange(connection, path, body, headers, until_s)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes this process's ends; a forked child's leave the parent's connection as it is."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def _connect(self, scheme: str, host: str, port: Optional[int]) -> http.client.HTTPConnection:
        if scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self._timeout_s)
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=self._certificate)
        return http.client.HTTPSConnection(
            host, port, timeout=self._timeout_s, context=self._tls
        )

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        until_s: float,
    ) -> Answer:
        connection.timeout = _left_s(until_s)
        if connection.sock is not None:
            connection.sock.settimeout(connection.timeout)
        connection.request("POST", path, body, dict(headers))
        response = connection.getresponse()
        pieces = []
        size = 0
        while True:
            if connection.sock is not None:
                # Each piece has what is left of the whole time: an answer may not trickle for ever.
                connection.sock.settimeout(_left_s(until_s))
            piece = response.read1(65536)
            if not piece:
                break
            size += len(piece)
            if size > MAX_ANSWER_BYTES:
                raise http.client.HTTPException(f"an answer of over {MAX_ANSWER_BYTES} bytes")
            pieces.append(piece)
        # read1 never does it, and a connection whose answer is open takes no second request.
        response.close()
        found: Dict[str, str] = {}
        for name, value in response.getheaders():
            key = name.lower()
            found[key] = f"{found[key]}, {value}" if key in found else value
        return Answer(response.status, found, b"".join(pieces))


def _left_s(until_s: float) -> float:
    left_s = until_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("the collector took too long")
    return left_s
