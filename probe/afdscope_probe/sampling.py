"""Which steps are sent. The choice depends on the step's number alone, so that all ranks of a
deployment send the same ones and the sides still join."""

from __future__ import annotations

from itertools import repeat
from typing import Callable, Dict, List, Optional, Tuple

from .columns import StepColumns
from .otlp import HistogramPoint, Metric

MASK = 0xFFFFFFFFFFFFFFFF
AGGREGATE_METRIC = "afd.stage.duration"
#: Stages times layers that one period may have; the rest is counted.
MAX_AGGREGATES = 16_384


def step_hash(step: int) -> int:
    """64 bits of a step's number: the finaliser of splitmix64, all arithmetic modulo 2^64:

    h = step + 0x9E3779B97F4A7C15; h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9;
    h = (h ^ h >> 27) * 0x94D049BB133111EB; h ^ h >> 31
    """
    h = (step + 0x9E3779B97F4A7C15) & MASK
    h = ((h ^ h >> 30) * 0xBF58476D1CE4E5B9) & MASK
    h = ((h ^ h >> 27) * 0x94D049BB133111EB) & MASK
    return h ^ h >> 31


def is_sent(step: int, every: int) -> bool:
    """Is the step one of the 1 in `every`? Events of no step (-1) always are."""
    return step < 0 or every <= 1 or step_hash(step) % every == 0


class Aggregates:
    """Durations by stage and layer: count, sum, least, most of one period."""

    def __init__(self) -> None:
        self._cells: Dict[Tuple[str, int], List[int]] = {}
        self._since_unix_ns = 0
        self.events = 0

    def add(
        self, columns: StepColumns, now_unix_ns: int, give_way: Callable[[], None] = lambda: None
    ) -> int:
        """Adds a step's events; gives how many had no room."""
        if self._since_unix_ns == 0:
            self._since_unix_ns = now_unix_ns
        cells = self._cells
        left_out = 0
        for index, series in enumerate(columns.series):
            if index & 1 == 1:
                give_way()
            stage = series.stage
            layers = series.layers or repeat(-1)
            for duration, layer in zip(series.durations, layers):
                cell = cells.get((stage, layer))
                if cell is None:
                    if len(cells) >= MAX_AGGREGATES:
                        left_out += 1
                        continue
                    cells[(stage, layer)] = [1, duration, duration, duration]
                    continue
                cell[0] += 1
                cell[1] += duration
                if duration < cell[2]:
                    cell[2] = duration
                elif duration > cell[3]:
                    cell[3] = duration
        self.events += columns.events - left_out
        return left_out

    def take(self, now_unix_ns: int) -> Optional[Metric]:
        """The period's figures as one delta histogram without buckets; None where there are none."""
        if not self._cells:
            return None
        points = [
            HistogramPoint(
                count, total / 1e9, least / 1e9, most / 1e9, self._since_unix_ns, now_unix_ns,
                {"afd.stage": stage, "afd.layer": layer},
            )
            for (stage, layer), (count, total, least, most) in self._cells.items()
        ]
        self._cells = {}
        self._since_unix_ns = now_unix_ns
        self.events = 0
        return Metric(AGGREGATE_METRIC, "s", "histogram", points)
