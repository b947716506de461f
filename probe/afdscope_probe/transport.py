"""One HTTP/1.1 connection that is kept open, from the standard library."""

from __future__ import annotations

import codecs
import functools
import gzip
import http.client
import io
import os
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional
from urllib.parse import urlsplit

#: More of an answer is not read.
MAX_ANSWER_BYTES = 1 << 20
#: Bodies below this are sent as they are: gzip would not pay.
MIN_GZIP_BYTES = 512

# Connecting encodes a host's name by this codec, whose modules are else imported by the first thread that
# connects: a child that is forked meanwhile would wait for their locks for ever.
codecs.lookup("idna")

#: Connections of a process whose child this is.
_given_up: List[http.client.HTTPConnection] = []

#: What `post` raises where there is no answer; ValueError: a host name or a header that cannot be sent.
NoAnswer = (OSError, http.client.HTTPException, ValueError)


@dataclass(frozen=True)
class Answer:
    """`headers` by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Within(io.RawIOBase):
    """Reads a socket until a moment: neither the lines of the head nor the body may trickle for ever."""

    def __init__(self, raw: Any, sock: socket.socket, until_s: float) -> None:
        self._raw = raw
        self._sock = sock
        self._until_s = until_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Any:
        self._sock.settimeout(_left_s(self._until_s))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer that is there by `until_s`, or TimeoutError."""

    def __init__(self, sock: socket.socket, *args: Any, until_s: float, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        reader: Any = self.fp
        self.fp = io.BufferedReader(_Within(reader.detach(), sock, until_s))


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

    def after_fork(self) -> None:
        """In the child: its ends of the parent's connections are given up. Not by `close`: the parent's
        sending thread may have held the lock of an answer's buffer, and nobody gives it back here."""
        for connection in self._connections.values():
            if connection.sock is not None:
                os.close(connection.sock.detach())
            # Nor may the buffer be freed, which would close it.
            _given_up.append(connection)
        self._connections = {}

    def close(self) -> None:
        """Closes the connections."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def _connect(self, scheme: str, host: str, port: Optional[int]) -> http.client.HTTPConnection:
        # Without a port http.client would take the end of an IPv6 address for one.
        connection: http.client.HTTPConnection
        if scheme == "http":
            connection = http.client.HTTPConnection(host, port or 80, timeout=self._timeout_s)
        else:
            if self._tls is None:
                self._tls = self._context()
            connection = http.client.HTTPSConnection(
                host, port or 443, timeout=self._timeout_s, context=self._tls
            )
        return connection

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._certificate)
        except (OSError, ValueError) as error:
            raise OSError(f"OTEL_EXPORTER_OTLP_CERTIFICATE {self._certificate!r}: {error}") from error

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
        connection.response_class = functools.partial(_Response, until_s=until_s)
        response = connection.getresponse()
        pieces = []
        size = 0
        while size < MAX_ANSWER_BYTES:
            piece = response.read1(65536)
            if not piece:
                break
            size += len(piece)
            pieces.append(piece)
        # read1 never does it, and a connection whose answer is open takes no second request.
        response.close()
        if size >= MAX_ANSWER_BYTES:
            # The status counts; the rest of the text is in the way of a next answer.
            connection.close()
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
