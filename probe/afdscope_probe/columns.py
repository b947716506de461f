"""From recorded rows to the series of the packed format: values are checked, rows with other columns
go to a series of their own. What is not wanted is counted by reason, nothing is raised."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .steps import Series, StepBuffer

KINDS = ("compute", "transfer", "wait", "receive", "copy", "host")
PHASES = ("decode", "prefill", "mixed", "warmup", "capture")
#: Argument names of measures and lists, by column of the format; column 0 is the layer.
MEASURES = ("tokens", "bytes", "flops", "requests", "context_tokens", "experts_active",
            "experts_max_tokens", "experts_mean_tokens")
LISTS = ("peers", "expert_tokens")
FIRST_MEASURE = 1
FIRST_LIST = FIRST_MEASURE + len(MEASURES)
COLUMN_OF = {name: FIRST_MEASURE + i for i, name in enumerate(MEASURES + LISTS)}
#: Measures that may have a fraction.
FRACTIONS = frozenset(("experts_active", "experts_max_tokens", "experts_mean_tokens"))

MAX_WHOLE = 2**53 - 1
MAX_SMALL = 2**31 - 1
#: The collector refuses longer events, and names over 256 bytes are cut there.
MAX_DURATION_NS = 100 * 86_400 * 1_000_000_000
MAX_NAME_BYTES = 256
MAX_LIST_MEMBERS = 65_536


@dataclass
class PackedSeries:
    """One series: `starts` and `ends` in nanoseconds since StepColumns.origin_unix_ns."""

    stage: str
    kind: int
    microbatch: int
    peer: int
    starts: List[int]
    ends: List[int]
    #: None: no row has a layer.
    layers: Optional[List[int]] = None
    #: By number of the format's column: numbers, or lists of integers.
    columns: Dict[int, List[Any]] = field(default_factory=dict)

    @property
    def mask(self) -> int:
        mask = 0 if self.layers is None else 1
        for column in self.columns:
            mask |= 1 << column
        return mask


@dataclass
class StepColumns:
    """What a packed step holds. `step` and `domain` -1: none, the worker's own."""

    step: int
    phase: int
    domain: int
    origin_unix_ns: int
    series: List[PackedSeries]
    #: Events that are left out, by reason, and values that were put right or left out.
    dropped: Dict[str, int] = field(default_factory=dict)

    @property
    def events(self) -> int:
        return sum(len(series.starts) for series in self.series)


def columns_of(buffer: StepBuffer) -> StepColumns:
    """The buffer's events; those that were never ended are left out."""
    phase = PHASES.index(buffer.phase) if buffer.phase in PHASES else 0
    domain = -1 if buffer.domain is None else buffer.domain
    columns = StepColumns(buffer.step, phase, domain, buffer.offset_ns, [])
    for series in buffer.all_series():
        _add(columns, series)
    return columns


def _count(columns: StepColumns, reason: str, count: int = 1) -> None:
    columns.dropped[reason] = columns.dropped.get(reason, 0) + count


def _add(columns: StepColumns, series: Series) -> None:
    # Another thread may be in the midst of adding a row.
    rows = min(len(series.starts), len(series.ends), len(series.layers))
    starts, ends, layers = series.starts[:rows], series.ends[:rows], series.layers[:rows]
    if _plain(starts, ends, layers) and all(
        len(at) == rows and name in COLUMN_OF and _good(name, values)
        for name, (at, values) in series.more.items()
    ):
        kind = _kind(columns, series.kind)
        part = PackedSeries(_name(series.stage), kind, series.microbatch, series.peer, starts, ends)
        if layers[0] != -1 or max(layers) != -1:
            part.layers = layers
        for name, (at, values) in series.more.items():
            if at == list(range(rows)):
                part.columns[COLUMN_OF[name]] = values
            else:
                part.columns[COLUMN_OF[name]] = [value for _, value in sorted(zip(at, values))]
        columns.series.append(part)
        return
    _add_one_by_one(columns, series, starts, ends, layers)


def _plain(starts: Sequence[int], ends: Sequence[int], layers: Sequence[int]) -> bool:
    """All rows ended, with sensible times and layers, and all or none of them has a layer."""
    if not starts:
        return False
    types = set(map(type, starts))
    types.update(map(type, ends))
    types.update(map(type, layers))
    if types != {int}:
        return False
    least, most = min(layers), max(layers)
    if least < -1 or most > MAX_SMALL or (least == -1 and most != -1):
        return False
    return all(0 <= end - start <= MAX_DURATION_NS for start, end in zip(starts, ends))


def _good(name: str, values: Sequence[Any]) -> bool:
    if name in LISTS:
        return False
    types = set(map(type, values))
    return types == {int} and min(values) >= 0 and max(values) <= MAX_WHOLE


def _add_one_by_one(
    columns: StepColumns,
    series: Series,
    starts: Sequence[Any],
    ends: Sequence[Any],
    layers: Sequence[Any],
) -> None:
    fields: List[Dict[str, Any]] = [{} for _ in starts]
    for name, (at, values) in series.more.items():
        for row, value in zip(at, values):
            if row < len(fields):
                fields[row][name] = value
    parts: Dict[Tuple[Any, ...], PackedSeries] = {}
    for start, end, layer, given in zip(starts, ends, layers, fields):
        if type(start) is not int or type(end) is not int:
            _count(columns, "bad_time")
            continue
        if end == 0:
            _count(columns, "not_ended")
            continue
        if end < start:
            _count(columns, "clamped")
            end = start
        if end - start > MAX_DURATION_NS:
            _count(columns, "bad_time")
            continue
        if not isinstance(layer, int) or not -1 <= layer <= MAX_SMALL:
            _count(columns, "bad_value")
            layer = -1
        peer, kind = series.peer, series.kind
        values_by_column: Dict[int, Any] = {}
        for name, value in given.items():
            if name == "peer":
                if isinstance(value, int) and -1 <= value <= MAX_SMALL:
                    peer = int(value)
                else:
                    _count(columns, "bad_value")
            elif name == "kind":
                kind = value
            else:
                clean = _clean(name, value)
                if clean is None:
                    if value is not None:
                        _count(columns, "bad_value")
                elif clean != []:
                    values_by_column[COLUMN_OF[name]] = clean
        code = _kind(columns, kind)
        key = (peer, code, layer == -1, *sorted(values_by_column))
        part = parts.get(key)
        if part is None:
            part = parts[key] = PackedSeries(
                _name(series.stage), code, series.microbatch, peer, [], []
            )
            part.layers = None if layer == -1 else []
            part.columns = {column: [] for column in sorted(values_by_column)}
            columns.series.append(part)
        part.starts.append(start)
        part.ends.append(end)
        if part.layers is not None:
            part.layers.append(int(layer))
        for column, clean in values_by_column.items():
            part.columns[column].append(clean)


def _clean(name: str, value: Any) -> Any:
    """The value as the format takes it; None where it cannot be taken."""
    if name not in COLUMN_OF:
        return None
    try:
        if name in LISTS:
            least = -1 if name == "peers" else 0
            members = [int(member) for member in value]
            if len(members) > MAX_LIST_MEMBERS:
                return None
            return members if all(least <= member <= MAX_WHOLE for member in members) else None
        if not 0 <= value <= MAX_WHOLE:
            return None
        whole = int(value)
        if whole == value:
            return whole
        return float(value) if name in FRACTIONS else None
    except (TypeError, ValueError, OverflowError):
        return None


def _kind(columns: StepColumns, kind: Any) -> int:
    """-1: the stage's own."""
    if kind is None:
        return -1
    if kind in KINDS:
        return KINDS.index(kind)
    _count(columns, "bad_value")
    return -1


def _name(stage: Any) -> str:
    """UTF-8 that the collector takes as it is: lone surrogates replaced, cut at 256 bytes."""
    text = stage if isinstance(stage, str) else str(stage)
    raw = text.encode("utf-8", "replace")
    if len(raw) > MAX_NAME_BYTES:
        raw = raw[:MAX_NAME_BYTES]
    return raw.decode("utf-8", "ignore") or "unnamed"
