"""OTLP requests as protobuf bytes, and answers read: the few messages that the probe needs.

Field numbers are those of opentelemetry-proto's trace, metrics and collector services.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field
from typing import List, Mapping, Sequence, Tuple, Union

from .packed_bytes import varint
from .settings import Attribute

SCOPE = "afdscope_probe"
DELTA_TEMPORALITY = 1
CUMULATIVE = 2


@dataclass(frozen=True)
class Point:
    """One reading. `start_unix_ns` 0: a gauge."""

    value: Union[int, float]
    time_unix_ns: int
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    start_unix_ns: int = 0


@dataclass(frozen=True)
class HistogramPoint:
    """A distribution without buckets: count, sum, least and most."""

    count: int
    total: float
    least: float
    most: float
    start_unix_ns: int
    time_unix_ns: int
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True)
class Metric:
    """`form`: gauge, sum (cumulative, monotonic) or histogram (delta). `unit` as UCUM has it."""

    name: str
    unit: str
    form: str
    points: Sequence[Union[Point, HistogramPoint]]


@dataclass(frozen=True)
class PackedStep:
    """An encoded step that waits to be sent."""

    payload: bytes
    events: int
    step: int
    start_unix_ns: int
    end_unix_ns: int


def _bytes(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def _text(number: int, text: str) -> bytes:
    return _bytes(number, text.encode("utf-8", "replace"))


def _fixed64(number: int, value: int) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<Q", value & 0xFFFFFFFFFFFFFFFF)


def _double(number: int, value: float) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<d", value)


def _pair(number: int, key: str, value: Union[Attribute, bytes]) -> bytes:
    """A KeyValue."""
    if isinstance(value, bool):
        inner = b"\x10" + (b"\x01" if value else b"\x00")
    elif isinstance(value, int):
        inner = b"\x18" + varint(value & 0xFFFFFFFFFFFFFFFF)
    elif isinstance(value, float):
        inner = _double(4, value)
    elif isinstance(value, bytes):
        inner = _bytes(7, value)
    else:
        inner = _text(1, str(value))
    return _bytes(number, _text(1, key) + _bytes(2, inner))


def resource_bytes(attributes: Mapping[str, Attribute]) -> bytes:
    """A Resource message; the same for every request of a process."""
    return b"".join(_pair(1, key, value) for key, value in attributes.items())


def traces_request(resource: bytes, version: str, steps: Sequence[PackedStep]) -> bytes:
    """ExportTraceServiceRequest with one span for each step."""
    scope = _bytes(1, _text(1, SCOPE) + _text(2, version))
    spans = b"".join(_bytes(2, _span(step)) for step in steps)
    return _bytes(1, _bytes(1, resource) + _bytes(2, scope + spans))


def _span(step: PackedStep) -> bytes:
    ids = random.getrandbits(192) | 1 << 191 | 1
    raw = ids.to_bytes(24, "big")
    out = _bytes(1, raw[:16]) + _bytes(2, raw[16:]) + _text(5, "afd.step") + b"\x30\x01"
    out += _fixed64(7, step.start_unix_ns) + _fixed64(8, step.end_unix_ns)
    if step.step >= 0:
        out += _pair(9, "afd.step", step.step)
    return out + _pair(9, "afd.packed", step.payload)


def metrics_request(resource: bytes, version: str, metrics: Sequence[Metric]) -> bytes:
    """ExportMetricsServiceRequest."""
    scope = _bytes(1, _text(1, SCOPE) + _text(2, version))
    body = b"".join(_bytes(2, _metric(metric)) for metric in metrics)
    return _bytes(1, _bytes(1, resource) + _bytes(2, scope + body))


def _metric(metric: Metric) -> bytes:
    points = b"".join(_bytes(1, _point(point)) for point in metric.points)
    head = _text(1, metric.name) + _text(3, metric.unit)
    if metric.form == "gauge":
        return head + _bytes(5, points)
    if metric.form == "sum":
        return head + _bytes(7, points + bytes((2 << 3, CUMULATIVE, 3 << 3, 1)))
    return head + _bytes(9, points + bytes((2 << 3, DELTA_TEMPORALITY)))


def _point(point: Union[Point, HistogramPoint]) -> bytes:
    out = _fixed64(2, point.start_unix_ns) if point.start_unix_ns else b""
    out += _fixed64(3, point.time_unix_ns)
    if isinstance(point, HistogramPoint):
        out += b"".join(_pair(9, key, value) for key, value in point.attributes.items())
        out += _fixed64(4, point.count) + _double(5, point.total)
        out += _bytes(6, struct.pack("<Q", point.count))
        return out + _double(11, point.least) + _double(12, point.most)
    out += b"".join(_pair(7, key, value) for key, value in point.attributes.items())
    if isinstance(point.value, float):
        return out + _double(4, point.value)
    return out + _fixed64(6, int(point.value))


def partial_success(body: bytes) -> Tuple[int, str]:
    """(rejected, message) of an answer, of traces or metrics; (0, '') where all was taken or the
    answer cannot be read."""
    try:
        rejected, message = 0, ""
        for number, value in _fields(body):
            if number == 1 and isinstance(value, bytes):
                for inner, said in _fields(value):
                    if inner == 1 and isinstance(said, int):
                        rejected = said if said < 1 << 63 else 0
                    elif inner == 2 and isinstance(said, bytes):
                        message = said.decode("utf-8", "replace")
        return rejected, message
    except (ValueError, IndexError):
        return 0, ""


def _fields(data: bytes) -> List[Tuple[int, Union[int, bytes]]]:
    """Field numbers and values of one message; fixed ones as bytes. Raises ValueError, IndexError."""
    found: List[Tuple[int, Union[int, bytes]]] = []
    at = 0
    while at < len(data):
        tag, at = _readvarint(data, at)
        number, form = tag >> 3, tag & 7
        if form == 0:
            value, at = _readvarint(data, at)
            found.append((number, value))
            continue
        if form == 2:
            size, at = _readvarint(data, at)
        elif form in (1, 5):
            size = 8 if form == 1 else 4
        else:
            raise ValueError(f"wire type {form}")
        if size > len(data) - at:
            raise ValueError("a length beyond the end")
        found.append((number, data[at : at + size]))
        at += size
    return found


def _readvarint(data: bytes, at: int) -> Tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("a varint of over ten bytes")
