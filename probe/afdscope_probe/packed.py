"""Packed steps, version 1 (docs/packed-steps.md), in little of the worker's time.

Runs under the worker's GIL, so it does with a series what CPython does in C: whole arrays at once. What
is costly to find, from which earlier series' ends a series' starts count best, is found once for steps
of the same series and used for the next PLAN_STEPS of them. packed_full.py looks at everything, always.
"""

from __future__ import annotations

import struct
from array import array
from itertools import chain, repeat
from operator import sub
from typing import Any, Callable, Dict, List, Sequence, Tuple, Union

from .columns import FIRST_LIST, PackedSeries, StepColumns, columns_of, layers_from
from .packed_bytes import (DELTA, MIN_DURATION_BITS, MIN_MEMBER_BITS, PATCHED, SCALE_DOUBLES, bits, head,
                           scaled, sealed, series_head, varint, zigzag)
from .packed_full import PATCH_BITS, encode_full, likely_references
from .steps import StepBuffer

#: Steps of the same series that one choice of references serves.
PLAN_STEPS = 256
MAX_PLANS = 64
#: How many series before a series may be its reference, and with how many in a step none is looked for.
MAX_REFERENCES = 32
MAX_PLANNED_SERIES = 1024
#: A reference that is further off is none.
MAX_GAP_NS = 2**51
#: Patches that are thought of, and for how many rows they are.
PATCHES = (1, 2, 4)
MIN_PATCHED_ROWS = 12
WORTH_IT = 0.85

#: Reference (-1: none) and shift, by series.
Plan = List[Tuple[int, int]]


class StepEncoder:
    """Encodes the steps of one worker. Not thread-safe."""

    def __init__(self, full: bool = False, give_way: Callable[[], None] = lambda: None) -> None:
        self._full = full
        self._give_way = give_way
        self._plans: Dict[Tuple[Any, ...], Tuple[Plan, int]] = {}
        self._steps = 0

    def encode(self, columns: StepColumns) -> bytes:
        """The bytes of `afd.packed`. Raises ValueError beyond the format's bounds."""
        if self._full:
            return encode_full(columns, self._give_way)
        all_series = columns.series
        base = min([min(series.starts) for series in all_series], default=0)
        names: Dict[str, int] = {}
        for series in all_series:
            names.setdefault(series.stage, len(names))
        origin = columns.origin_unix_ns if all_series else 0
        out = head(origin + base, columns.step, columns.events, list(names))
        out += varint(len(all_series))
        plan = self._plan(all_series)
        for index, series in enumerate(all_series):
            if index & 1 == 1:
                self._give_way()
            out += series_head(names[series.stage], series)
            out += column(series.durations, MIN_DURATION_BITS)
            reference, shift = plan[index]
            if reference >= 0:
                ends = aligned(all_series[reference].ends, len(series.starts), shift)
                gaps = list(map(sub, series.starts, ends))
                if max(gaps) - min(gaps) < MAX_GAP_NS:
                    out += varint(reference + 1) + zigzag(shift) + column(gaps, 0)
                    _write_columns(out, series)
                    continue
            out.append(0)
            out += delta_column(series.starts, base)
            _write_columns(out, series)
        return sealed(out)

    def _plan(self, all_series: Sequence[PackedSeries]) -> Plan:
        if len(all_series) > MAX_PLANNED_SERIES:
            return [(-1, 0)] * len(all_series)
        self._steps += 1
        key = tuple([(one.stage, one.microbatch, one.peer, one.kind, one.mask) for one in all_series])
        plan, until = self._plans.get(key, ([], 0))
        if plan and self._steps < until:
            return plan
        plan = []
        for index, series in enumerate(all_series):
            self._give_way()
            nearest = max(0, index - MAX_REFERENCES)
            reference, shift = (
                _best_reference(series, all_series[nearest:index])
                if len(series.starts) > 1
                else (-1, 0)
            )
            plan.append((reference + nearest if reference >= 0 else -1, shift))
        if len(self._plans) >= MAX_PLANS:
            self._plans.clear()
        self._plans[key] = (plan, self._steps + PLAN_STEPS)
        return plan


def encode_step(step: Union[StepBuffer, StepColumns], full: bool = False) -> bytes:
    """The bytes of `afd.packed`, of at most 2^20 events. `full`: by the encoder of fewest bytes."""
    columns = columns_of(step) if isinstance(step, StepBuffer) else step
    return StepEncoder(full).encode(columns)


def extent(columns: StepColumns) -> Tuple[int, int]:
    """First start and last end, unix nanoseconds; (0, 0) where there are no events."""
    if not columns.series:
        return 0, 0
    first = min([min(series.starts) for series in columns.series])
    last = max([max(series.ends) for series in columns.series])
    return first + columns.origin_unix_ns, last + columns.origin_unix_ns


def _best_reference(series: PackedSeries, earlier: Sequence[PackedSeries]) -> Tuple[int, int]:
    """From which earlier series' ends the starts are best counted; (-1, 0): from none."""
    rows = len(series.starts)
    plain = list(map(sub, series.starts[1:], series.starts))
    best, found = _cost_bits(plain) + 8, (-1, 0)
    for reference, shift in likely_references(series.starts, [one.ends for one in earlier]):
        ends = aligned(earlier[reference].ends, rows, shift)
        cost = _cost_bits(list(map(sub, series.starts, ends))) + 8
        if cost < best:
            best, found = cost, (reference, shift)
    return found


def aligned(ends: "array[int]", rows: int, shift: int) -> "array[int]":
    """`ends[i - shift]` for each row i, the index brought into the array's range."""
    have = len(ends)
    if shift == 0 and have == rows:
        return ends
    head_rows = max(0, min(rows, shift))
    found = array("q", repeat(ends[0], head_rows))
    found += ends[max(0, -shift) : max(0, rows - shift)]
    found = found[:rows]
    found.extend(repeat(ends[-1], rows - len(found)))
    return found


def _window(values: Sequence[int], least_width: int) -> Tuple[int, int, int]:
    """Base and width for the residuals, and the rows that need patches then, about. Patches cost time
    as well as bytes: they are for outliers, not for the last bit."""
    ordered = sorted(values)
    rows = len(ordered)
    base = ordered[0]
    width = (ordered[-1] - base).bit_length()
    if width <= least_width:
        return base, least_width, 0
    if rows < MIN_PATCHED_ROWS or width >= 52:
        return base, width, 0
    # Most that patches could help: from both ends at once.
    inner = (ordered[-1 - PATCHES[-1]] - ordered[PATCHES[-1]]).bit_length()
    most = int(width * rows * WORTH_IT)
    if max(inner, least_width) * rows + PATCH_BITS > most:
        return base, width, 0
    patches = 0
    for left_out in PATCHES:
        inner = rows - 1 - left_out
        for at in range(left_out + 1):
            narrow = max(least_width, (ordered[at + inner] - ordered[at]).bit_length())
            cost = narrow * rows + PATCH_BITS * left_out
            if cost < most:
                most, base, width, patches = cost, ordered[at], narrow, left_out
    return base, width, patches


def _cost_bits(values: Sequence[int]) -> int:
    if not values:
        return 0
    _, width, patches = _window(values, 0)
    return width * len(values) + PATCH_BITS * patches


def column(values: Sequence[int], least_width: int) -> bytes:
    """A column that is not of differences."""
    if not values:
        return bytes((least_width, 0))
    base, width, patches = _window(values, least_width)
    if width > 53:
        raise ValueError("a column's values differ by 2^53 or more")
    if patches == 0:
        residuals = [value - base for value in values] if width else values
        return b"".join((bytes((width,)), zigzag(base), bits(residuals, width)))
    return _patched(values, base, width, 0, b"")


def delta_column(values: "array[int]", zero: int) -> bytes:
    """Differences of values that are offsets from `zero`."""
    steps = list(map(sub, values[1:], values))
    if not steps:
        return b"".join((bytes((DELTA,)), zigzag(0), zigzag(values[0] - zero)))
    base, width, patches = _window(steps, 0)
    if width > 53:
        raise ValueError("a column's values differ by 2^53 or more")
    steps.insert(0, base)
    first = zigzag(values[0] - zero - base)
    if patches == 0:
        residuals = [value - base for value in steps]
        return b"".join((bytes((width | DELTA,)), zigzag(base), first, bits(residuals, width)))
    return _patched(steps, base, width, DELTA, first)


def _patched(values: Sequence[int], base: int, width: int, form: int, first: bytes) -> bytes:
    mask = (1 << width) - 1
    offsets = [value - base for value in values]
    highs = [(row, offset >> width) for row, offset in enumerate(offsets) if offset >> width]
    out = bytearray((width | PATCHED | form,)) + zigzag(base) + first
    out += bits([offset & mask for offset in offsets], width)
    out += varint(len(highs))
    last = -1
    for row, high in highs:
        out += varint(row - last - 1) + zigzag(high)
        last = row
    return bytes(out)


def _write_columns(out: bytearray, series: PackedSeries) -> None:
    layers = series.layers
    if layers is not None:
        rows = len(layers)
        if rows > 1 and layers == layers_from(layers[0], rows):
            out += b"".join((bytes((DELTA,)), zigzag(1), zigzag(layers[0] - 1)))
        else:
            out += column(layers, 0)
    for number in sorted(series.columns):
        values = series.columns[number]
        if number >= FIRST_LIST:
            out += column(list(map(len, values)), 0)
            out += column(list(chain.from_iterable(values)), MIN_MEMBER_BITS)
        elif values.count(values[0]) == len(values) and type(values[0]) is int:
            out += b"".join((b"\0\0", zigzag(values[0])))
        else:
            _write_measure(out, values)


def _write_measure(out: bytearray, values: Sequence[Any]) -> None:
    scale, whole = (0, values) if type(sum(values)) is int else scaled(values)
    out.append(scale)
    if scale == SCALE_DOUBLES:
        out += struct.pack(f"<{len(values)}d", *values)
    else:
        out += column(whole, 0)
