"""Frames over loopback TCP: a header with the length, then rows of one token each.

    header   magic 4, payload bytes 4, step 4, layer 2, micro-batch 2, when the send began 2 × 8
    row      token 2, expert 2, activation or output

The stamps are the sender's monotonic clock, which processes of one Linux machine share: from them
the receiver knows how much of its waiting was for the sender, without asking the probe.
"""

import socket
import struct
import time
from typing import NamedTuple

HEADER = struct.Struct("!4sIIHHqq")
ROW = struct.Struct("!HH")
MAGIC = b"AFD1"
# A step sends all its micro-batches before it waits, so they must fit between two workers.
SOCKET_BUFFER_BYTES = 4 << 20
MAX_PAYLOAD_BYTES = 64 << 20


class Frame(NamedTuple):
    step: int
    layer: int
    microbatch: int
    sent_outer_ns: int  # before the sender began to record the send
    sent_inner_ns: int  # after that
    payload: memoryview
    size_bytes: int  # with the header


class Connection:
    """One peer. Counts the time that it was blocked in recv and send calls."""

    def __init__(self, sock: socket.socket, limit_s: float):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)
        sock.settimeout(limit_s)
        self._sock = sock
        self.blocked_receiving_ns = 0
        self.blocked_sending_ns = 0

    def send(self, step, layer, microbatch, stamps: "tuple[int, int]", rows: "list[bytes]") -> int:
        """Hands the frame to the kernel; its size in bytes with the header."""
        payload = b"".join(rows)
        frame = HEADER.pack(MAGIC, len(payload), step, layer, microbatch, *stamps) + payload
        start = time.perf_counter_ns()
        self._sock.sendall(frame)
        self.blocked_sending_ns += time.perf_counter_ns() - start
        return len(frame)

    def receive(self, step: int, layer: int, microbatch: int) -> Frame:
        """The next frame, which must be of this key. Raises ConnectionError where it is not."""
        header = self._exactly(HEADER.size)
        magic, size, *key, outer, inner = HEADER.unpack(header)
        if magic != MAGIC or size > MAX_PAYLOAD_BYTES:
            raise ConnectionError(f"not a frame of this pipeline: {bytes(header[:8])!r}")
        if key != [step, layer, microbatch]:
            raise ConnectionError(f"frame of {key} where {[step, layer, microbatch]} was due")
        return Frame(*key, outer, inner, self._exactly(size), HEADER.size + size)

    def receive_hello(self, step: int) -> int:
        """The rank in the first frame of a connection, which stands where the layer does later."""
        header = self._exactly(HEADER.size)
        magic, size, *key = HEADER.unpack(header)
        if magic != MAGIC or size != 0 or key[0] != step:
            raise ConnectionError(f"not a hello of this pipeline: {bytes(header)!r}")
        self.blocked_receiving_ns = 0
        return key[1]

    def _exactly(self, size: int) -> memoryview:
        buffer = memoryview(bytearray(size))
        filled = 0
        while filled < size:
            start = time.perf_counter_ns()
            count = self._sock.recv_into(buffer[filled:])
            self.blocked_receiving_ns += time.perf_counter_ns() - start
            if count == 0:
                raise ConnectionError("the peer closed the connection")
            filled += count
        return buffer

    def close(self) -> None:
        self._sock.close()


def rows_of(payload: memoryview, row_bytes: int):
    """(token, expert, bytes of the activation or output) of each row."""
    for start in range(0, len(payload), ROW.size + row_bytes):
        token, expert = ROW.unpack_from(payload, start)
        yield token, expert, payload[start + ROW.size : start + ROW.size + row_bytes]


def listen() -> socket.socket:
    """A socket on a free port of the loopback."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    return server
