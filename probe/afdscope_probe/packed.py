"""Packed steps, version 1 (docs/packed-steps.md), from columns."""

from __future__ import annotations

import struct
import zlib
from typing import Any, Dict, List, Sequence, Tuple, Union

from .columns import FIRST_LIST, FIRST_MEASURE, PackedSeries, StepColumns, columns_of
from .steps import StepBuffer

DELTA = 128
MIN_DURATION_BITS = 8
MIN_MEMBER_BITS = 8


def varint(value: int) -> bytes:
    """LEB128 of an unsigned integer."""
    if value < 128:
        return bytes((value,))
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> bytes:
    return varint(value * 2 if value >= 0 else -value * 2 - 1)


def encode_step(step: Union[StepBuffer, StepColumns]) -> bytes:
    """The bytes of `afd.packed`. At most 2^20 events."""
    columns = columns_of(step) if isinstance(step, StepBuffer) else step
    return encode_columns(columns)


def encode_columns(columns: StepColumns) -> bytes:
    series = columns.series
    base = min((min(one.starts) for one in series), default=0)
    names: Dict[str, int] = {}
    for one in series:
        names.setdefault(one.stage, len(names))
    body = bytearray(struct.pack("<Q", max(0, base + columns.origin_unix_ns)))
    body += varint(columns.step + 1) + varint(columns.events) + varint(len(names))
    for name in names:
        raw = name.encode()
        body += varint(len(raw)) + raw
    body += varint(len(series))
    for one in series:
        body += varint(names[one.stage])
        body.append(one.kind + 1 | columns.phase << 4)
        body += varint(columns.domain + 1) + varint(one.microbatch + 1) + varint(one.peer + 1)
        body += varint(len(one.starts)) + varint(one.mask)
        _times(body, one, base)
        _columns(body, one)
    return b"AFD\x01" + struct.pack("<I", zlib.crc32(body)) + bytes(body)


def _times(body: bytearray, series: PackedSeries, base: int) -> None:
    durations = [end - start for start, end in zip(series.starts, series.ends)]
    body += column(durations, MIN_DURATION_BITS)
    body += b"\0" + column([start - base for start in series.starts], delta=True)


def _columns(body: bytearray, series: PackedSeries) -> None:
    if series.layers is not None:
        body += column(series.layers, delta=True)
    for number in sorted(series.columns):
        values = series.columns[number]
        if number < FIRST_LIST:
            assert number >= FIRST_MEASURE
            body += measure(values)
        else:
            body += column([len(value) for value in values])
            body += column([member for value in values for member in value], MIN_MEMBER_BITS)


def column(values: Sequence[int], least_bits: int = 0, delta: bool = False) -> bytes:
    """One width for all residuals, no patches."""
    first = values[0] if values else 0
    steps = [b - a for a, b in zip(values, values[1:])] if delta else list(values)
    base = min(steps, default=0)
    residuals = ([0] if delta and values else []) + [value - base for value in steps]
    width = max(least_bits, max(residuals, default=0).bit_length())
    head = bytes([width + (DELTA if delta else 0)]) + zigzag(base)
    if delta:
        head += zigzag(first - base)
    if width == 0 or not residuals:
        return head
    bits = "".join([f"{residual:0{width}b}" for residual in reversed(residuals)])
    return head + int(bits, 2).to_bytes((len(bits) + 7) // 8, "little")


def measure(values: Sequence[Any]) -> bytes:
    for scale in range(9):
        scaled = [value * 2**scale for value in values]
        if all(int(value) == value for value in scaled):
            return bytes([scale]) + column([int(value) for value in scaled])
    return b"\xff" + struct.pack(f"<{len(values)}d", *values)


def extent(columns: StepColumns) -> Tuple[int, int]:
    """First start and last end, unix nanoseconds; (0, 0) where there are no events."""
    starts: List[int] = [min(one.starts) for one in columns.series]
    if not starts:
        return 0, 0
    ends = [max(one.ends) for one in columns.series]
    return min(starts) + columns.origin_unix_ns, max(ends) + columns.origin_unix_ns
