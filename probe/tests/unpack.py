"""Reads packed steps as docs/packed-steps.md describes them, slowly and plainly; and OTLP requests."""

from __future__ import annotations

import struct
import zlib
from typing import Any, Dict, List, Tuple

from afdscope_probe.columns import KINDS, LISTS, MEASURES, PHASES
from afdscope_probe.otlp import _fields


class Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        piece = self.data[self.at : self.at + count]
        if len(piece) != count:
            raise ValueError("cut off")
        self.at += count
        return piece

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def zigzag(self) -> int:
        value = self.varint()
        return value // 2 if value % 2 == 0 else -(value + 1) // 2

    def column(self, rows: int, least_bits: int = 0) -> List[int]:
        form = self.take(1)[0]
        width = form & 63
        if not least_bits <= width <= 53:
            raise ValueError(f"width {width}")
        base = self.zigzag()
        first = self.zigzag() if form & 128 else 0
        packed = int.from_bytes(self.take((rows * width + 7) // 8), "little")
        values = [base + (packed >> width * i & (1 << width) - 1) for i in range(rows)]
        if form & 64:
            row = -1
            for _ in range(self.varint()):
                row += self.varint() + 1
                values[row] += self.zigzag() << width
        if form & 128:
            for i in range(rows):
                first = values[i] = first + values[i]
        return values


def unpack(payload: bytes) -> Tuple[int, List[Dict[str, Any]]]:
    """(step, events); raises ValueError for what is no packed step."""
    if payload[:4] != b"AFD\x01" or struct.unpack("<I", payload[4:8])[0] != zlib.crc32(payload[8:]):
        raise ValueError("no packed step")
    base = struct.unpack("<Q", payload[8:16])[0]
    reader = Reader(payload)
    reader.at = 16
    step = reader.varint() - 1
    count = reader.varint()
    names = [reader.take(reader.varint()).decode("utf-8") for _ in range(reader.varint())]
    events: List[Dict[str, Any]] = []
    ends_of: List[List[int]] = []
    for _ in range(reader.varint()):
        stage = names[reader.varint()]
        codes = reader.take(1)[0]
        domain, microbatch, peer = (reader.varint() - 1 for _ in range(3))
        rows = reader.varint()
        mask = reader.varint()
        durations = reader.column(rows, 8)
        reference = reader.varint()
        shift = reader.zigzag() if reference else 0
        starts = reader.column(rows)
        if reference:
            other = ends_of[reference - 1]
            last = len(other) - 1
            starts = [start + other[max(0, min(last, i - shift))] for i, start in enumerate(starts)]
        ends_of.append([start + duration for start, duration in zip(starts, durations)])
        found = [
            {"stage": stage, "phase": PHASES[codes >> 4], "domain": domain, "microbatch": microbatch,
             "peer": peer, "start": base + start, "duration": duration, "layer": -1,
             **({"kind": KINDS[(codes & 15) - 1]} if codes & 15 else {})}
            for start, duration in zip(starts, durations)
        ]
        if mask & 1:
            for event, layer in zip(found, reader.column(rows)):
                event["layer"] = layer
        for i, name in enumerate(MEASURES):
            if mask >> 1 + i & 1:
                scale = reader.take(1)[0]
                values: Any = (
                    struct.unpack(f"<{rows}d", reader.take(8 * rows)) if scale == 255
                    else [value / 2**scale if scale else value for value in reader.column(rows)]
                )
                for event, value in zip(found, values):
                    event[name] = value
        for i, name in enumerate(LISTS):
            if mask >> 9 + i & 1:
                sizes = reader.column(rows)
                members = reader.column(sum(sizes), 8)
                for event, size in zip(found, sizes):
                    event[name], members = members[:size], members[size:]
        events.extend(found)
    if len(events) != count or reader.at != len(payload):
        raise ValueError("events or bytes are missing")
    return step, events


def inner(data: bytes, *path: int) -> List[Any]:
    """All values at a path of field numbers."""
    found: List[Any] = [data]
    for number in path:
        found = [value for one in found for key, value in _fields(one) if key == number]
    return found


def attributes(pairs: List[bytes]) -> Dict[str, Any]:
    """KeyValues as a dictionary; doubles stay bytes."""
    return {
        inner(pair, 1)[0].decode(): next(
            (value.decode() if number == 1 else value) for number, value in _fields(inner(pair, 2)[0])
        )
        for pair in pairs
    }


def steps_in(body: bytes) -> List[Tuple[int, List[Dict[str, Any]]]]:
    """The packed steps of a trace request."""
    found = []
    for span in inner(body, 1, 2, 2):
        found.append(unpack(attributes(inner(span, 9))["afd.packed"]))
    return found


def resource_in(body: bytes) -> Dict[str, Any]:
    return attributes(inner(body, 1, 1, 1))
