"""The pieces that both encoders of packed steps write: numbers, the head, and residuals of any width."""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from typing import Any, Dict, List, Sequence, Tuple

from .columns import PackedSeries

DELTA = 128
PATCHED = 64
MIN_DURATION_BITS = 8
MIN_MEMBER_BITS = 8
MAX_WIDTH_BITS = 53
MAX_EVENTS = 1 << 20
SCALE_DOUBLES = 255
#: Powers of two that are tried for measures with a fraction.
SCALES = (0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16)
MAX_SAFE = 2**53 - 1


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


def head(base_unix_ns: int, step: int, events: int, names: Sequence[str]) -> bytearray:
    """Everything between the checksum and the number of series. Raises ValueError where the format
    has no room for it."""
    if events > MAX_EVENTS:
        raise ValueError(f"a packed step has at most {MAX_EVENTS} events, not {events}")
    out = bytearray(struct.pack("<Q", base_unix_ns))
    out += varint(step + 1) + varint(events) + varint(len(names))
    for name in names:
        raw = name.encode()
        out += varint(len(raw)) + raw
    return out


_heads: Dict[Tuple[int, ...], bytes] = {}


def series_head(name: int, series: PackedSeries) -> bytes:
    """Everything of a series before its durations. `name`: the index of the stage's."""
    key = (name, series.kind, series.phase, series.domain, series.microbatch, series.peer,
           len(series.starts), series.mask)
    found = _heads.get(key)
    if found is None:
        if len(_heads) >= 1024:
            _heads.clear()
        found = _heads[key] = b"".join((
            varint(name),
            bytes((series.kind + 1 | series.phase << 4,)),
            *map(varint, (series.domain + 1, series.microbatch + 1, series.peer + 1, *key[6:])),
        ))
    return found


def sealed(body: bytearray) -> bytes:
    return b"AFD\x01" + struct.pack("<I", zlib.crc32(body)) + bytes(body)


def scaled(values: Sequence[Any]) -> Tuple[int, List[int]]:
    """The smallest scale that makes all values whole, and them; SCALE_DOUBLES: there is none."""
    for scale in SCALES:
        factor = 1 << scale
        whole = []
        for value in values:
            product = value * factor
            if product != int(product) or abs(product) > MAX_SAFE:
                break
            whole.append(int(product))
        else:
            return scale, whole
    return SCALE_DOUBLES, []


#: Rows whose residuals are packed at once: a multiple of 8, so that the pieces end on whole bytes.
CHUNK_ROWS = 256
#: By lane's and value's width: for each halving, the mask of the even lanes and how far the odd move.
_masks: Dict[Tuple[int, int], List[Tuple[int, int]]] = {}
_WHOLE = {8: "B", 16: "H", 32: "I"}


def bits(residuals: Sequence[int], width: int) -> bytes:
    """Values of `width` bits, one behind the other, lowest bit first; 0 <= value < 2^width.

    Works on a whole chunk as one integer of equal lanes: neighbours move together, then pairs of
    neighbours, and so on. Six steps of four operations pack 64 values.
    """
    if width == 0:
        return b""
    code = _WHOLE.get(width)
    if code is not None:
        whole = array(code, residuals)
        if sys.byteorder == "big":
            whole.byteswap()
        return whole.tobytes()
    if len(residuals) <= CHUNK_ROWS:
        return _chunk(residuals, width)
    return b"".join([
        _chunk(residuals[at : at + CHUNK_ROWS], width)
        for at in range(0, len(residuals), CHUNK_ROWS)
    ])


def _chunk(residuals: Sequence[int], width: int) -> bytes:
    rows = len(residuals)
    if width < 8:
        lane_bits, code = 8, "B"
    elif width < 16:
        lane_bits, code = 16, "H"
    elif width < 32:
        lane_bits, code = 32, "I"
    else:
        lane_bits, code = 64, "Q"
    lanes = array(code, residuals)
    if sys.byteorder == "big":
        lanes.byteswap()
    value = int.from_bytes(lanes.tobytes(), "little")
    done = 1
    for mask, shift in _masks.get((lane_bits, width)) or _make_masks(lane_bits, width):
        if done >= rows:
            break
        even = value & mask
        value = even | (value ^ even) >> shift
        done *= 2
    return value.to_bytes((rows * width + 7) // 8, "little")


def _make_masks(lane_bits: int, width: int) -> List[Tuple[int, int]]:
    steps: List[Tuple[int, int]] = []
    lanes, content, stride = CHUNK_ROWS, width, lane_bits
    while lanes > 1:
        lanes //= 2
        one = (1 << content) - 1
        mask = 0
        for lane in range(lanes):
            mask |= one << 2 * stride * lane
        steps.append((mask, stride - content))
        content *= 2
        stride *= 2
    _masks[(lane_bits, width)] = steps
    return steps
