"""What the SGLang hooks share: the step, and the computation that lies between two calls."""

from __future__ import annotations

from collections import deque
from typing import Any, Callable, Deque, Dict, Optional, Tuple

from . import views
from .record import Recorder, Started


class Track:
    """One worker's step, the gap that is being computed in, and receives whose layer is not known yet."""

    def __init__(self, recorder: Recorder, told: Callable[[Dict[str, Any]], None]) -> None:
        self.recorder = recorder
        self._told = told
        self._asked = False
        self.open = False
        self.count = -1
        self.layer = -1
        self.microbatch = 0
        self.measures: Dict[str, int] = {}
        self.gap: Optional[Started] = None
        self.awaited: Dict[int, Tuple[int, int]] = {}  # id of a receive's event -> (layer, micro-batch)
        self.unplaced: Deque[Tuple[int, int]] = deque()  # (start, duration) of receives before their compute

    def tell(self, facts_of: Callable[[Any], Dict[str, Any]], source: Any) -> None:
        """Say once who the worker is, where the source knows."""
        if self._asked:
            return
        self._asked = True
        facts = facts_of(source)
        if facts:
            self._told(facts)

    def begin(self, number: int, phase: str, measures: Optional[Dict[str, int]] = None) -> None:
        """The next step; a number below 0 is replaced by counting."""
        self.end()
        self.count = number if number >= 0 else self.count + 1
        self.open = True
        self.layer = -1
        self.measures = measures or {}
        self.recorder.probe.begin_step(self.count, phase=phase)

    def end(self) -> None:
        if not self.open:
            return
        self.open = False
        self.gap = None
        self.awaited.clear()
        self.unplaced.clear()
        self.recorder.probe.end_step()
        self.recorder.step_ended()

    def open_gap(self, stage: str, layer: int, microbatch: int = 0) -> None:
        """From here on this stage is computed; where it ends is seen by the next call."""
        if self.open:
            self.gap = self.recorder.begin_late(stage, layer, microbatch)

    def drop_gap(self) -> None:
        """What was being computed does not end where it could be seen."""
        self.gap = None

    def close_gap(self, stage: str, layer: int, microbatch: int, tokens: Optional[int]) -> None:
        gap = self.gap
        self.gap = None
        if gap is None or gap[2] != stage:
            return
        measures: Dict[str, Any] = dict(self.measures) if stage == "attention" else {}
        if tokens is not None:
            measures["tokens"] = tokens
        self.recorder.end(gap, layer, microbatch, measures)


def batch_of(batch: Any) -> Tuple[str, Dict[str, int]]:
    """(phase, measures) of a ForwardBatch: sequences, and KV tokens read where it knows their sum."""
    mode = getattr(batch, "forward_mode", None)
    phase = "decode"
    if _says(mode, "is_mixed"):
        phase = "mixed"
    elif _says(mode, "is_extend") and not _says(mode, "is_target_verify"):
        phase = "prefill"
    measures: Dict[str, int] = {}
    requests = views.index(getattr(batch, "batch_size", None))
    if requests > 0:
        measures["requests"] = requests
    read = views.index(getattr(batch, "seq_lens_sum", None))
    if read > 0:
        measures["context_tokens"] = read
    return phase, measures


def _says(mode: Any, question: str) -> bool:
    method = getattr(mode, question, None)
    return bool(method()) if callable(method) else False
