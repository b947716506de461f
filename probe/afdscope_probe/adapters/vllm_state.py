"""What the vLLM hooks know between calls: the step, its layers and micro-batches, who is asked."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any, Deque, Dict, FrozenSet, List, Optional, Tuple

from . import guards, views
from .record import Recorder, Started

UNCOUNTED = ("warmup", "capture")


#: A receive on the host's clock whose layer only the next call tells: start in unix ns, duration in ns,
#: the layer that is expected, micro-batch, measures.
Pending = Tuple[int, int, int, int, Dict[str, Any]]


class Turn:
    """What one thread does: ubatches run on threads of their own."""

    __slots__ = ("microbatch", "gap", "after", "captured")

    def __init__(self) -> None:
        self.microbatch = -1
        self.gap: Optional[Started] = None
        self.after = -1  # the layer before the gap; -1: the gap is the step's first
        self.captured = False  # whether the gap began inside a graph's capture


class _Local(threading.local):
    def __init__(self) -> None:
        self.turn = Turn()


class Tracker:
    """One worker's state. Threads of ubatches take turns, so no lock is needed on either side.

    Steps are numbered by control payloads where the connector has a control plane: both sides count the
    same ones from the process's start. Without one, a layer that does not come after the one before it
    in the same micro-batch opens the next step."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.number = -1
        self.open = False
        self.phase = "decode"
        self.controlled = False
        self.is_attention = False  # as control payloads tell: who sends them
        self.asked: Dict[int, Deque[int]] = {}  # micro-batch -> layers sent and not answered
        self.received: Dict[int, int] = {}  # micro-batch -> receives in this step
        self.layer_at: Dict[int, int] = {}  # micro-batch -> its layer now
        self.attended: Dict[int, int] = {}  # layer -> compute_attn_output calls in this step
        self.order: List[int] = []  # the layers of a step in their order, where the runner tells
        self.experts: Optional[FrozenSet[int]] = None
        self.follows: Dict[int, int] = {}  # layer -> the layer whose exchange came next, as seen
        self.last_layer = -1  # the highest seen: nothing is awaited behind it
        self.pending: Dict[int, Pending] = {}
        self.microbatch = -1  # of the latest receive
        self.attention: Dict[str, Any] = {}  # requests and context tokens of the step, before it its phase
        self.stages = 1
        self._local = _Local()

    @property
    def local(self) -> Turn:
        """The calling thread's."""
        return self._local.turn

    # steps

    def begin(self, phase: str, controlled: bool) -> None:
        """The next step."""
        self.end()
        self.number += 1
        self.controlled = controlled
        self.phase = phase
        self.open = True
        self.asked.clear()
        self.received.clear()
        self.layer_at.clear()
        self.attended.clear()
        self.recorder.probe.begin_step(self.number, phase=phase)

    def end(self) -> None:
        """End of the step, if one is open."""
        if not self.open:
            return
        for microbatch in list(self.pending):
            self.settle(microbatch, None)
        self.open = False
        self.last_layer = max(self.last_layer, *self.layer_at.values(), -1)
        self.local.gap = None
        self.attention = {}
        self.recorder.probe.end_step()
        self.recorder.step_ended()

    def reached(self, layer: int, microbatch: int) -> None:
        """An exchange of this layer begins: without a control plane it may open a step."""
        if self.controlled:
            self.layer_at[microbatch] = layer
            return
        before = self.layer_at.get(microbatch)
        if not self.open or (before is not None and 0 <= layer <= before):
            self.begin("decode", controlled=False)
        self.layer_at[microbatch] = layer

    # the FFN side

    def expected_layer(self, microbatch: int) -> int:
        """The layer of the next receive of this micro-batch, by counting."""
        count = self.received.get(microbatch, 0)
        if self.order:
            return self.order[count % len(self.order)]
        return count

    def settle(self, microbatch: int, layer: Optional[int]) -> None:
        """Record the waiting receive with the layer that is known now."""
        waiting = self.pending.pop(microbatch, None)
        if waiting is None:
            return
        start_unix_ns, duration_ns, expected, microbatch, measures = waiting
        self.recorder.probe.record(
            "a2f_recv", start_unix_ns, duration_ns, expected if layer is None else layer, microbatch, **measures
        )

    def is_dense(self, layer: int) -> bool:
        return self.experts is not None and layer not in self.experts

    # the attention side

    def open_gap(self, after_layer: Optional[int]) -> None:
        """From here on this thread computes attention of the layer after this one."""
        turn = self._local.turn
        turn.gap = None
        if after_layer is None:
            after_layer = -1
        elif after_layer == self.last_layer and (turn.microbatch >= 0 or self._all_at(after_layer)):
            return  # nothing follows in this thread
        turn.after = after_layer
        turn.captured = guards.capturing()
        microbatch = turn.microbatch
        turn.gap = self.recorder.begin_late(
            "attention", self.follows.get(after_layer, after_layer + 1), microbatch if microbatch > 0 else 0
        )

    def _all_at(self, layer: int) -> bool:
        """Whether every micro-batch of the step has reached this layer."""
        return all(self.layer_at.get(microbatch) == layer for microbatch in range(self.stages))

    def captured(self) -> None:
        """The capture of a graph has begun: what follows on the attention side is attention."""
        if self.is_attention:
            self.open_gap(None)

    def close_gap(self, layer: int, microbatch: int, tokens: Optional[int]) -> None:
        """The exchange of this layer begins: what was computed before it is its attention."""
        turn = self._local.turn
        gap = turn.gap
        if gap is None:
            return
        turn.gap = None
        if turn.captured != guards.capturing():
            return
        self.follows[turn.after] = layer
        measures: Dict[str, Any] = {} if tokens is None else {"tokens": tokens}
        if self.attention and self.stages == 1:
            measures.update(self.attention)
        self.recorder.end(gap, layer, microbatch, measures)

    def sent(self, layer: int, microbatch: int) -> None:
        asked = self.asked.get(microbatch)
        if asked is None:
            asked = self.asked[microbatch] = deque()
        asked.append(layer)

    def awaited(self, microbatch: int) -> "tuple[int, int]":
        """(layer, micro-batch) of the answer that comes next; of any micro-batch where -1."""
        if microbatch < 0:
            microbatch = next((key for key, layers in self.asked.items() if layers), -1)
        layers = self.asked.get(microbatch)
        return (layers[0] if layers else -1), microbatch

    def answered(self, microbatch: int) -> None:
        layers = self.asked.get(microbatch)
        if layers:
            layers.popleft()


def learn_layers(tracker: Tracker, runner: Any) -> None:
    """The order of layers that the FFN runner goes through, from the runner: once, cheap after that."""
    if tracker.order or tracker.experts is not None:
        return
    model = getattr(runner, "model", None)
    count = views.index(getattr(runner, "num_layers", None), 0)
    indices = getattr(model, "get_experts_layer_indices", None)
    if model is None or count <= 0 or indices is None:
        return
    experts = tuple(indices())
    tracker.experts = frozenset(experts)
    config = getattr(runner, "afd_config", None)
    gated = getattr(config, "compute_gate_on_attention", False)
    tracker.order = sorted(experts) if gated else list(range(count))


def batch_measures(runner: Any, scheduled: Any) -> "tuple[str, Dict[str, int]]":
    """(phase, measures) of one attention step from vLLM's scheduler output: sequences and KV tokens read."""
    counts = getattr(scheduled, "num_scheduled_tokens", None)
    if not isinstance(counts, dict) or not counts:
        return "decode", {}
    drafts = getattr(scheduled, "scheduled_spec_decode_tokens", None) or {}
    prefills = sum(1 for key, count in counts.items() if count - len(drafts.get(key, ())) > 1)
    phase = "decode" if prefills == 0 else "prefill" if prefills == len(counts) else "mixed"
    measures = {"requests": len(counts)}
    batch = getattr(runner, "input_batch", None)
    computed = getattr(batch, "num_computed_tokens_cpu", None)
    places = getattr(batch, "req_id_to_index", None)
    if computed is not None and isinstance(places, dict) and len(counts) <= 4096:
        try:
            read = sum(int(computed[places[key]]) + count for key, count in counts.items() if key in places)
        except (TypeError, IndexError, ValueError):
            return phase, measures
        measures["context_tokens"] = read
    return phase, measures
