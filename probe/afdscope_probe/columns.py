"""From recorded rows to the series of the packed format: values are checked, rows with other columns
go to a series of their own. What is not wanted is counted by reason, nothing is raised."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from itertools import compress
from operator import sub
from typing import Any, Callable, Dict, List, Optional, Tuple

from .steps import ON_DEVICE, Series, StepBuffer

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
YEAR_2000_NS = 946_684_800_000_000_000
YEAR_2262_NS = 9_214_646_400_000_000_000
#: Starts of one step lie no further apart; the format allows 100 days behind the base.
MAX_SPREAD_NS = 98 * 86_400 * 1_000_000_000

#: The kinds that the collector takes where none is given; such kinds are not written.
DEFAULT_KINDS = {
    "attention": "compute", "gate": "compute", "a2f_send": "transfer", "a2f_recv": "receive",
    "expert": "compute", "shared_expert": "compute", "dense": "compute", "f2a_send": "transfer",
    "f2a_recv": "receive", "combine": "compute", "collective": "transfer", "sample": "compute",
    "copy": "copy", "host": "host",
}


@dataclass
class PackedSeries:
    """One series: times are nanoseconds since StepColumns.origin_unix_ns, none of them negative."""

    stage: str
    kind: int
    phase: int
    domain: int
    microbatch: int
    peer: int
    starts: "array[int]"
    ends: "array[int]"
    durations: "array[int]"
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
    """What a packed step holds. `step` -1: none."""

    step: int
    origin_unix_ns: int
    series: List[PackedSeries]
    #: Events that are left out, by reason, and values that were put right or left out.
    dropped: Dict[str, int] = field(default_factory=dict)

    @property
    def events(self) -> int:
        return sum([len(series.starts) for series in self.series])

    def count(self, reason: str, count: int = 1) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + count


def columns_of(
    buffer: StepBuffer, give_way: Callable[[], None] = lambda: None
) -> StepColumns:
    """The buffer's events; those that were never ended are left out. `give_way` is called between
    series."""
    phase = PHASES.index(buffer.phase) if buffer.phase in PHASES else 0
    domain = -1 if buffer.domain is None else buffer.domain
    columns = StepColumns(buffer.step, buffer.offset_ns, [])
    for index, series in enumerate(buffer.all_series()):
        if index & 1 == 1:
            give_way()
        if not _add_whole(columns, series, phase, domain):
            _add_one_by_one(columns, series, phase, domain)
    _bound_times(columns, buffer.begun_ns)
    return columns


def _add_whole(columns: StepColumns, series: Series, phase: int, domain: int) -> bool:
    """The usual case, without a look at single rows: everything is as the format wants it, and all
    rows have the same fields. False: it is not so."""
    try:
        starts = array("q", series.starts)
        ends = array("q", series.ends)
        layers = series.layers
        rows = len(starts)
        # Another thread may be in the midst of adding a row.
        if rows == 0 or len(ends) != rows or len(layers) != rows:
            return False
        durations = array("q", map(sub, ends, starts))
        if min(durations) < 0 or max(durations) > MAX_DURATION_NS:
            return False
        part = PackedSeries(
            _name(series.stage), _kind(columns, series.kind, series.stage), phase, domain,
            series.microbatch, series.peer, starts, ends, durations,
        )
        first = layers[0]
        if first == -1:
            if layers.count(-1) != rows:
                return False
        elif 0 <= first <= MAX_SMALL - rows and layers == layers_from(first, rows):
            part.layers = layers_from(first, rows)
        else:
            least, most = min(layers), max(layers)
            if least < 0 or most > MAX_SMALL or type(sum(layers)) is not int:
                return False
            part.layers = list(layers)
        for name, (at, values) in series.more.items():
            if at != layers_from(0, rows):
                return False
            if name == "peer":
                value = values[0]
                if type(value) is not int or values.count(value) != rows or not _small(value):
                    return False
                part.peer = value
                continue
            number = COLUMN_OF[name]
            if number >= FIRST_LIST or type(sum(values)) is not int:
                return False
            if min(values) < 0 or max(values) > MAX_WHOLE:
                return False
            part.columns[number] = values[:]
    except (TypeError, ValueError, OverflowError, KeyError):
        return False
    columns.series.append(part)
    return True


#: Longer ones are made anew each time.
MAX_KEPT_RANGE = 1024
_ranges: Dict[Tuple[int, int], List[int]] = {}


def layers_from(first: int, rows: int) -> List[int]:
    """first, first + 1, …; shared, not to be changed."""
    if rows > MAX_KEPT_RANGE:
        return list(range(first, first + rows))
    found = _ranges.get((first, rows))
    if found is None:
        if len(_ranges) >= 256:
            _ranges.clear()
        found = _ranges[(first, rows)] = list(range(first, first + rows))
    return found


def _small(value: Any) -> bool:
    return isinstance(value, int) and -1 <= value <= MAX_SMALL


def _bound_times(columns: StepColumns, begun_ns: int) -> None:
    """No start negative, none before 2000 or behind 2262, and none so far from the others that the
    collector would refuse the step for it."""
    if not columns.series:
        return
    first = min([min(series.starts) for series in columns.series])
    last = max([max(series.starts) for series in columns.series])
    origin = columns.origin_unix_ns
    low, high = YEAR_2000_NS - origin, YEAR_2262_NS - origin
    if first < low or last > high or last - first > MAX_SPREAD_NS:
        if last - first > MAX_SPREAD_NS:
            low, high = max(low, begun_ns - MAX_SPREAD_NS // 2), min(high, begun_ns + MAX_SPREAD_NS // 2)
        for series in columns.series:
            kept = [low <= start <= high for start in series.starts]
            if all(kept):
                continue
            columns.count("bad_time", kept.count(False))
            series.starts = array("q", compress(series.starts, kept))
            series.ends = array("q", compress(series.ends, kept))
            series.durations = array("q", compress(series.durations, kept))
            if series.layers is not None:
                series.layers = list(compress(series.layers, kept))
            series.columns = {
                number: list(compress(values, kept)) for number, values in series.columns.items()
            }
        columns.series = [series for series in columns.series if len(series.starts) > 0]
        first = min([min(series.starts) for series in columns.series], default=0)
    if first < 0:
        columns.origin_unix_ns += first
        for series in columns.series:
            series.starts = array("q", [start - first for start in series.starts])
            series.ends = array("q", [end - first for end in series.ends])


def _add_one_by_one(columns: StepColumns, series: Series, phase: int, domain: int) -> None:
    """Rows of one series as one or more of the format's; what cannot be kept is counted."""
    rows = min(len(series.starts), len(series.ends), len(series.layers))
    fields: List[Dict[str, Any]] = [{} for _ in range(rows)]
    for name, (at, values) in series.more.items():
        for row, value in zip(at, values):
            if row < rows:
                fields[row][name] = value
    stage = _name(series.stage)
    parts: Dict[Tuple[Any, ...], PackedSeries] = {}
    for start, end, layer, given in zip(series.starts, series.ends, series.layers, fields):
        times = _times(columns, start, end)
        if times is None:
            continue
        layer = _whole_or_none(columns, layer)
        peer, kind = series.peer, series.kind
        clean: Dict[int, Any] = {}
        for name, value in given.items():
            if name == "peer":
                peer = _whole_or_none(columns, value)
            elif name == "kind":
                kind = value
            elif value is ON_DEVICE:
                columns.count("on_device")
            elif value is not None:
                good = _clean(name, value)
                if good is None:
                    columns.count("bad_value")
                elif good != []:
                    clean[COLUMN_OF[name]] = good
        numbers = sorted(clean)
        key = (peer, kind if isinstance(kind, str) else None, layer == -1, *numbers)
        part = parts.get(key)
        if part is None:
            part = parts[key] = PackedSeries(
                stage, _kind(columns, kind, series.stage), phase, domain, series.microbatch, peer,
                array("q"), array("q"), array("q"), None if layer == -1 else [],
                {number: [] for number in numbers},
            )
            columns.series.append(part)
        part.starts.append(times[0])
        part.ends.append(times[1])
        part.durations.append(times[1] - times[0])
        if part.layers is not None:
            part.layers.append(layer)
        for number, good in clean.items():
            part.columns[number].append(good)


def _times(columns: StepColumns, start: Any, end: Any) -> Optional[Tuple[int, int]]:
    """Start and end; None (and counted) where the event has none that can be sent."""
    try:
        if type(end) is int and end == 0:
            columns.count("not_ended")
            return None
        start, end = int(start), int(end)
        if end < start:
            columns.count("clamped")
            end = start
        if end - start <= MAX_DURATION_NS and abs(start) < 1 << 62:
            return start, end
    except (TypeError, ValueError, OverflowError):
        pass
    columns.count("bad_time")
    return None


def _whole_or_none(columns: StepColumns, value: Any) -> int:
    """A layer or peer; -1 where it is none."""
    try:
        if int(value) == value and -1 <= value <= MAX_SMALL:
            return int(value)
    except (TypeError, ValueError, OverflowError):
        pass
    columns.count("bad_value")
    return -1


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


def _kind(columns: StepColumns, kind: Any, stage: Any) -> int:
    """-1: the stage's own."""
    if kind is None:
        return -1
    if not isinstance(kind, str) or kind not in KINDS:
        columns.count("bad_value")
        return -1
    return -1 if DEFAULT_KINDS.get(stage) == kind else KINDS.index(kind)


_names: Dict[str, str] = {}


def _name(stage: Any) -> str:
    """A name whose UTF-8 the collector takes as it is: lone surrogates replaced, cut at 256 bytes."""
    text = stage if isinstance(stage, str) else str(stage)
    found = _names.get(text)
    if found is None:
        raw = text.encode("utf-8", "replace")[:MAX_NAME_BYTES]
        found = raw.decode("utf-8", "ignore") or "unnamed"
        if len(_names) < 4096:
            _names[text] = found
    return found
