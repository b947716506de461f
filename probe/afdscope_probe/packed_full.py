"""The encoder that looks for the fewest bytes: it writes what lib/wire/packed-steps-encode.ts writes,
byte for byte. It costs several microseconds an event; packed.py's costs a tenth (docs/decisions/0022-probe.md).
"""

from __future__ import annotations

import struct
from array import array
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from .columns import FIRST_LIST, PackedSeries, StepColumns
from .packed_bytes import (DELTA, MAX_WIDTH_BITS, MIN_DURATION_BITS, MIN_MEMBER_BITS, PATCHED,
                           SCALE_DOUBLES, bits, head, scaled, sealed, series_head, varint, zigzag)

#: What one patch takes, about: the gap, and an outlier's high bits.
PATCH_BITS = 24
#: Where the other series has events of a few layers more or fewer.
SHIFTS = (0, 1, -1, 2, -2, 3, -3)
#: Gaps that are looked at to tell how well a reference predicts, and references that are tried.
SAMPLES = 9
TRIED = 2
#: Sums of three such numbers are still exact in a double.
SAFE_PART = 2**51
MAX_SEARCHED_SERIES = 1024
MAX_PATCHED_SPREAD = 2**52


class ColumnPlan:
    """How to write one column, and about how many bits that takes."""

    def __init__(self, values: Sequence[int], base: int, width: int, first: Optional[int],
                 size_bits: int) -> None:
        self._values = values
        self._base = base
        self._width = width
        self._first = first
        self.size_bits = size_bits

    def bytes(self) -> bytes:
        base, width, first = self._base, self._width, self._first
        least = (1 << width) - 1
        highs = [(value - base) >> width for value in self._values]
        rows = [i for i, high in enumerate(highs) if high != 0]
        form = width | (PATCHED if rows else 0) | (0 if first is None else DELTA)
        out = bytearray((form,)) + zigzag(base)
        if first is not None:
            out += zigzag(first - base)
        out += bits([(value - base) & least for value in self._values], width)
        if rows:
            out += varint(len(rows))
            last = -1
            for row in rows:
                out += varint(row - last - 1) + zigzag(highs[row])
                last = row
        return bytes(out)


def plan_column(values: Sequence[int], least_width: int) -> ColumnPlan:
    """The cheaper of both forms."""
    plain = _plan_form(values, None, least_width)
    if len(values) < 2:
        return plain
    deltas = [values[0]] + [b - a for a, b in zip(values, values[1:])]
    if not all(abs(delta) < SAFE_PART and abs(value) < SAFE_PART
               for delta, value in zip(deltas, values)):
        return plain
    delta = _plan_form(deltas, values[0], least_width)
    return delta if delta.size_bits < plain.size_bits else plain


def _plan_form(given: Sequence[int], first: Optional[int], least_width: int) -> ColumnPlan:
    """`first`: the values are differences, and the first value of all is this."""
    values = given if first is None else given[1:]
    ordered = sorted(values)
    base = ordered[0] if ordered else 0
    top = ordered[-1] if ordered else 0
    width = min(MAX_WIDTH_BITS, max(least_width, max(0, top - base).bit_length()))
    size_bits = width * len(given)
    # A patch that is a negative number beyond 2^52 could not be read exactly.
    narrowest = least_width if top - base < MAX_PATCHED_SPREAD else width
    for narrow in range(width - 1, narrowest - 1, -1):
        start, count = _fullest_window(ordered, 1 << narrow)
        patch_bits = PATCH_BITS * (len(values) - count)
        # Narrower ones hold fewer still.
        if patch_bits >= size_bits:
            break
        cost = narrow * len(given) + patch_bits
        if cost < size_bits:
            size_bits, width, base = cost, narrow, start
    residuals = values if first is None else [base, *values]
    return ColumnPlan(residuals, base, width, first, size_bits + (16 if first is None else 24))


def _fullest_window(ordered: Sequence[int], size: int) -> Tuple[int, int]:
    """Of all ranges of this size, where the one with most values starts, and how many it has."""
    at = 0
    best, count = ordered[0], 0
    for to, value in enumerate(ordered):
        while value - ordered[at] >= size:
            at += 1
        if to - at + 1 > count:
            best, count = ordered[at], to - at + 1
    return best, count


def encode_full(columns: StepColumns, give_way: Callable[[], None] = lambda: None) -> bytes:
    """The bytes of `afd.packed`. Raises ValueError beyond the format's bounds."""
    all_series = _regrouped(columns)
    base = min([series.starts[0] for series in all_series], default=0)
    names = list(dict.fromkeys(series.stage for series in all_series))
    events = sum(len(series.starts) for series in all_series)
    origin = columns.origin_unix_ns if all_series else 0
    out = head(origin + base, columns.step, events, names)
    out += varint(len(all_series))
    starts = [[start - base for start in series.starts] for series in all_series]
    ends = [[end - base for end in series.ends] for series in all_series]
    for index, series in enumerate(all_series):
        give_way()
        out += series_head(names.index(series.stage), series)
        out += plan_column(series.durations, MIN_DURATION_BITS).bytes()
        best, reference, shift = plan_column(starts[index], 0), -1, 0
        # Beyond that the search would take minutes; no real step has so many.
        earlier = ends[:index] if len(all_series) <= MAX_SEARCHED_SERIES else []
        for other, by in likely_references(starts[index], earlier):
            gaps = gaps_to(ends[other], starts[index], by)
            if any(abs(gap) >= SAFE_PART for gap in gaps):
                continue
            plan = plan_column(gaps, 0)
            if plan.size_bits + 8 < best.size_bits:
                best, reference, shift = plan, other, by
        out += varint(reference + 1)
        if reference >= 0:
            out += zigzag(shift)
        out += best.bytes()
        _write_columns(out, series)
    return sealed(out)


def likely_references(
    starts: Sequence[int], earlier_ends: Sequence[Sequence[int]]
) -> List[Tuple[int, int]]:
    """Earlier series (and shifts) from whose ends these starts keep the steadiest distance."""
    rows = len(starts)
    count = min(SAMPLES, rows)
    at = [(2 * k + 1) * rows // (2 * count) for k in range(count)]
    sampled = [starts[i] for i in at]
    quarter = count >> 2
    likely: List[Tuple[int, int, int]] = []
    for reference, ends in enumerate(earlier_ends):
        last = len(ends) - 1
        for shift in SHIFTS:
            gaps = sorted([
                start - ends[max(0, min(last, i - shift))] for start, i in zip(sampled, at)
            ])
            # The extremes may be outliers.
            spread_ns = gaps[count - 1 - quarter] - gaps[quarter]
            if len(likely) == TRIED and spread_ns >= likely[-1][0]:
                continue
            likely.append((spread_ns, reference, shift))
            likely.sort(key=lambda one: one[0])
            del likely[TRIED:]
    return [(reference, shift) for _, reference, shift in likely]


def gaps_to(ends: Sequence[int], starts: Sequence[int], shift: int) -> List[int]:
    last = len(ends) - 1
    return [start - ends[max(0, min(last, i - shift))] for i, start in enumerate(starts)]


def _write_columns(out: bytearray, series: PackedSeries) -> None:
    if series.layers is not None:
        out += plan_column(series.layers, 0).bytes()
    for number in sorted(series.columns):
        values = series.columns[number]
        if number < FIRST_LIST:
            scale, whole = scaled(values)
            out.append(scale)
            if scale == SCALE_DOUBLES:
                out += struct.pack(f"<{len(values)}d", *values)
            else:
                out += plan_column(whole, 0).bytes()
        else:
            out += plan_column([len(value) for value in values], 0).bytes()
            members = [member for value in values for member in value]
            out += plan_column(members, MIN_MEMBER_BITS).bytes()


def _regrouped(columns: StepColumns) -> List[PackedSeries]:
    """Rows in the order of their starts, in series by their first one."""
    rows: List[Tuple[int, PackedSeries, int]] = []
    for series in columns.series:
        rows.extend((start, series, i) for i, start in enumerate(series.starts))
    rows.sort(key=lambda row: row[0])
    groups: Dict[Tuple[Any, ...], PackedSeries] = {}
    for start, series, i in rows:
        key = (series.stage, series.kind, series.phase, series.domain, series.microbatch, series.peer,
               series.mask)
        group = groups.get(key)
        if group is None:
            group = groups[key] = PackedSeries(
                series.stage, series.kind, series.phase, series.domain, series.microbatch, series.peer,
                array("q"), array("q"), array("q"), None if series.layers is None else [],
                {number: [] for number in series.columns},
            )
        group.starts.append(start)
        group.ends.append(series.ends[i])
        group.durations.append(series.durations[i])
        if group.layers is not None and series.layers is not None:
            group.layers.append(series.layers[i])
        for number, values in series.columns.items():
            group.columns[number].append(values[i])
    return list(groups.values())
