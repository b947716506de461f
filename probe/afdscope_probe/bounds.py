"""Cuts what one step holds into as many packed steps as the format's bounds ask for."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Set

from .columns import FIRST_LIST, PackedSeries, StepColumns
from .packed_bytes import MAX_EVENTS

#: The format allows 65,536 series and 4,096 names.
MAX_SERIES = 65_536
MAX_NAMES = 4096
#: Members of one list column.
MAX_MEMBERS = 1 << 21


def within_bounds(columns: StepColumns) -> List[StepColumns]:
    """The same events, in their order; mostly the step as it is."""
    series_count = len(columns.series)
    whole = columns.events <= MAX_EVENTS and series_count <= MAX_NAMES
    if whole and not any(_lists(series) for series in columns.series):
        return [columns]
    parts: List[StepColumns] = []
    names: Set[str] = set()
    events = 0
    for series in _cut(columns.series):
        rows = len(series.starts)
        full = not parts or events + rows > MAX_EVENTS or len(parts[-1].series) >= MAX_SERIES
        if full or (series.stage not in names and len(names) >= MAX_NAMES):
            parts.append(StepColumns(columns.step, columns.origin_unix_ns, []))
            names = set()
            events = 0
        parts[-1].series.append(series)
        names.add(series.stage)
        events += rows
    return parts


def _lists(series: PackedSeries) -> bool:
    return any(number >= FIRST_LIST for number in series.columns)


def _cut(all_series: List[PackedSeries]) -> List[PackedSeries]:
    """Series of at most MAX_EVENTS rows and MAX_MEMBERS members of a list; no single row has more."""
    found: List[PackedSeries] = []
    rest = list(reversed(all_series))
    while rest:
        series = rest.pop()
        members = max(
            (sum(map(len, values)) for number, values in series.columns.items() if number >= FIRST_LIST),
            default=0,
        )
        rows = len(series.starts)
        if rows <= MAX_EVENTS and (members <= MAX_MEMBERS or rows == 1):
            found.append(series)
            continue
        middle = rows // 2
        rest.append(_rows(series, middle, rows))
        rest.append(_rows(series, 0, middle))
    return found


def _rows(series: PackedSeries, first: int, end: int) -> PackedSeries:
    return replace(
        series,
        starts=series.starts[first:end],
        ends=series.ends[first:end],
        durations=series.durations[first:end],
        layers=None if series.layers is None else series.layers[first:end],
        columns={number: values[first:end] for number, values in series.columns.items()},
    )
