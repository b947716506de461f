"""The hooks on vLLM's AFD connectors, models and runners; vllm_afd.py says on which."""

from __future__ import annotations

from typing import Any, Dict, Optional

from . import views
from .stagehook import Fail, StageHook
from .vllm_state import Tracker, batch_measures, learn_layers


class AfdHook(StageHook):
    """A hook with the worker's state."""

    def __init__(self, tracker: Tracker, group: str, fail: Fail, function: Any) -> None:
        super().__init__(tracker.recorder, group, fail, function)
        self.tracker = tracker
        self._connector: Any = None
        self._peer = -1

    def peer(self, connector: Any) -> int:
        """``peer_of`` the connector, which in a process is always the same one."""
        if connector is not self._connector:
            self._connector, self._peer = connector, peer_of(connector)
        return self._peer


def peer_of(connector: Any) -> int:
    """The one rank of the other group this connector speaks with; -1 where they are several or unknown."""
    mapping = getattr(connector, "mapping", None)
    subgroup = views.index(getattr(mapping, "subgroup_index", None))
    if subgroup >= 0:
        role = getattr(getattr(connector, "afd_config", None), "role", "")
        return subgroup if role == "attention" or getattr(connector, "ratio", None) == 1 else -1
    if type(connector).__name__ == "P2pHcclAFDConnector":
        return views.index(getattr(connector, "role_rank", None))
    return -1


def _measures(tokens: Optional[int], tensor: Any, peer: int = -1) -> Dict[str, Any]:
    size = getattr(tensor, "nbytes", None)
    measures: Dict[str, Any] = {"bytes": size} if type(size) is int else {}
    if tokens is not None:
        measures["tokens"] = tokens
    if peer >= 0:
        measures["peer"] = peer
    return measures


# attention side


class SendAttention(AfdHook):
    """send_attn_output(hidden_states, context | metadata, **kwargs)"""

    def enter(self, args: Any, kwargs: Any) -> Any:
        tracker = self.tracker
        layer, microbatch, tokens = views.transfer_in(args[1:], kwargs)
        tracker.reached(layer, microbatch)
        tracker.close_gap(layer, microbatch, tokens)
        hidden = args[1] if len(args) > 1 else kwargs.get("hidden_states")
        started = tracker.recorder.begin(
            "a2f_send", layer, microbatch, _measures(tokens, hidden, self.peer(args[0]))
        )
        return started, layer, microbatch

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        started, layer, microbatch = token
        self.tracker.recorder.end(started)
        if error is None:
            self.tracker.sent(layer, microbatch)


class ReceiveFfn(AfdHook):
    """recv_ffn_output(ref_tensor, ubatch_idx) | (hidden_states, metadata, ubatch_idx) | (timeout_ms)"""

    def enter(self, args: Any, kwargs: Any) -> Any:
        microbatch = kwargs.get("ubatch_idx")
        if type(microbatch) is not int:
            microbatch = self._microbatch(args, kwargs)
        layer, microbatch = self.tracker.awaited(microbatch)
        peer = self.peer(args[0])
        started = self.tracker.recorder.begin(
            "f2a_recv", layer, microbatch, {"peer": peer} if peer >= 0 else None
        )
        return started, layer, microbatch

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        started, layer, microbatch = token
        tracker = self.tracker
        tracker.recorder.end(started)
        tracker.answered(microbatch)
        if error is None and layer >= 0:
            tracker.open_gap(layer)

    def _microbatch(self, args: Any, kwargs: Any) -> int:
        given = views.index(self.argument(args, kwargs, "ubatch_idx"))
        if given >= 0:
            return given
        for value in (*args[1:], *kwargs.values()):
            seen = views.transfer_of(value)
            if seen is not None:
                return seen[1]
        return 0 if "ubatch_idx" in self.places else -1  # 0 is the parameter's default


class Exchange(AfdHook):
    """The send and receive of one layer as one call: attention ends where it begins, and again begins
    where it ends, after the other ubatch had its turn."""

    def enter(self, args: Any, kwargs: Any) -> Any:
        layer = views.index(getattr(args[0], "layer_idx", None) if args else None)
        if layer < 0:
            layer = views.index(self.argument(args, kwargs, "layer_idx"))
        tracker = self.tracker
        turn = tracker.local
        if layer >= 0 and turn.microbatch >= 0 and turn.gap is not None and tracker.open:
            # Elsewhere the send, which knows its micro-batch, ends the gap.
            tracker.close_gap(layer, turn.microbatch, views.rows(self.argument(args, kwargs, "hidden_states")))
        return layer

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        tracker = self.tracker
        tracker.local.gap = None
        if error is None and token >= 0 and tracker.open:
            tracker.open_gap(token)


class ComputeAttention(AfdHook):
    """compute_attn_output(positions, hidden_states, residual, ...) of a decoder layer"""

    def enter(self, args: Any, kwargs: Any) -> Any:
        tracker = self.tracker
        layer = views.index(getattr(args[0], "layer_idx", None))
        if layer < 0:
            layer = views.index(self.argument(args, kwargs, "layer_idx"))
        count = tracker.attended.get(layer, 0)
        tracker.attended[layer] = count + 1
        microbatch = tracker.local.microbatch if tracker.local.microbatch >= 0 else count
        tracker.local.gap = None
        tokens = views.rows(self.argument(args, kwargs, "hidden_states"))
        measures = dict(tracker.attention) if tracker.stages == 1 else {}
        if tokens is not None:
            measures["tokens"] = tokens
        return tracker.recorder.begin("attention", layer, microbatch, measures)

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        self.tracker.recorder.end(token)
        self.tracker.local.gap = None


class Ubatch(AfdHook):
    """UBatchContext.__enter__: the ubatch's thread has its first turn when this returns."""

    def enter(self, args: Any, kwargs: Any) -> Any:
        return args[0]

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        tracker = self.tracker
        tracker.local.microbatch = views.index(getattr(token, "id", None))
        if error is None and tracker.open:
            tracker.open_gap(None)


# FFN side


class ReceiveAttention(AfdHook):
    """recv_attn_output(ubatch_idx, **kwargs) -> payload | (metadata, ubatch_idx) | (timeout_ms) -> (tensor, metadata)"""

    def enter(self, args: Any, kwargs: Any) -> Any:
        tracker = self.tracker
        microbatch = kwargs.get("ubatch_idx")
        if type(microbatch) is not int:
            microbatch = views.index(self.argument(args, kwargs, "ubatch_idx"))
            if microbatch < 0 and "ubatch_idx" in self.places:
                microbatch = 0
        layer = kwargs.get("layer_idx")
        if type(layer) is not int:
            layer = tracker.expected_layer(microbatch)
        peer = self.peer(args[0])
        return tracker.recorder.begin_late("a2f_recv", layer, microbatch, {"peer": peer} if peer >= 0 else {})

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        tracker = self.tracker
        backend, start, _, layer, microbatch, measures = token
        end_unix_ns = tracker.recorder.now()
        if error is not None:
            return
        seen = views.transfer_of(result)
        tokens = None
        if seen is not None:
            told, stage, tokens = seen
            if microbatch < 0:
                microbatch = stage
            if told > 0:  # connectors of the plugin always say 0 here and let the runner fill it in
                layer = told
        tracker.reached(layer, microbatch)
        tracker.received[microbatch] = tracker.received.get(microbatch, 0) + 1
        tracker.microbatch = microbatch
        if backend is not None:
            tracker.recorder.end(token, measures=None if tokens is None else {"tokens": tokens})
            return
        if microbatch in tracker.pending:
            tracker.settle(microbatch, None)
        if tokens is not None:
            measures["tokens"] = tokens
        tracker.pending[microbatch] = (start, end_unix_ns - start, layer, microbatch, measures)


class ComputeFfn(AfdHook):
    """compute_ffn_output(hidden_states, layer_idx, ...), compute_experts_output(hidden_states, layer_idx, router_logits)"""

    def enter(self, args: Any, kwargs: Any) -> Any:
        tracker = self.tracker
        layer = views.index(kwargs.get("layer_idx", kwargs.get("current_layer_idx")))
        hidden = kwargs.get("hidden_states")
        for value in args[1:3]:  # told by their types: (tensor, layer) and (layer, tensor) were both seen
            if type(value) is int:
                layer = value
            elif hidden is None:
                hidden = value
        if layer < 0:
            layer = views.index(getattr(args[0], "layer_idx", None))
        microbatch = tracker.microbatch
        if layer >= 0:
            tracker.settle(microbatch, layer)
            tracker.layer_at[microbatch] = layer
        stage = "dense" if tracker.is_dense(layer) else "expert"
        tokens = views.rows(hidden)
        return tracker.recorder.begin(
            stage, layer, microbatch, None if tokens is None else {"tokens": tokens}
        )

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        self.tracker.recorder.end(token)


class SendFfn(AfdHook):
    """send_ffn_output(ffn_output, context | metadata, **kwargs)"""

    def enter(self, args: Any, kwargs: Any) -> Any:
        tracker = self.tracker
        layer, microbatch, tokens = views.transfer_in(args[1:], kwargs)
        if microbatch < 0:
            microbatch = tracker.microbatch
        layer = tracker.layer_at.get(microbatch, layer)
        tracker.settle(microbatch, layer)
        output = args[1] if len(args) > 1 else self.argument(args, kwargs, "ffn_output")
        output = getattr(output, "routed_output", output)
        return tracker.recorder.begin(
            "f2a_send", layer, microbatch, _measures(tokens, output, self.peer(args[0]))
        )

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        self.tracker.recorder.end(token)


# steps


def phase_of(payload: Any, flags: Dict[str, Any]) -> Optional[str]:
    """warmup or capture where the control payload, or the older arguments, say so; else None."""
    if getattr(payload, "is_warmup", flags.get("is_warmup")) or getattr(payload, "is_profile", False):
        return "warmup"
    if getattr(payload, "is_graph_capturing", flags.get("is_graph_capturing")):
        return "capture"
    return None


def stages_of(payload: Any) -> int:
    """Micro-batches of the step that a control payload announces."""
    stages = getattr(payload, "dp_metadata_list", payload)
    return max(1, len(stages)) if isinstance(stages, dict) else 1


class SendControl(AfdHook):
    """send_dp_metadata_list(payload) | (dp_metadata_list, is_graph_capturing, is_warmup): the attention step"""

    def enter(self, args: Any, kwargs: Any) -> Any:
        tracker = self.tracker
        payload = args[1] if len(args) > 1 else next(iter(kwargs.values()), None)
        flags = {name: self.argument(args, kwargs, name) for name in ("is_graph_capturing", "is_warmup")}
        planned = tracker.attention
        phase = phase_of(payload, flags) or planned.pop("phase", "decode")
        tracker.is_attention = True
        tracker.begin(str(phase), controlled=True)
        tracker.attention = planned
        tracker.stages = stages_of(payload)
        return tracker.recorder.now()

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        recorder = self.tracker.recorder
        recorder.record("host", token, recorder.now() - token)
        self.tracker.local.microbatch = -1
        self.tracker.open_gap(None)


class ReceiveControl(AfdHook):
    """recv_dp_metadata_list() -> payload | (dp_metadata_list, is_graph_capturing, is_warmup): the FFN step"""

    def enter(self, args: Any, kwargs: Any) -> Any:
        self.tracker.end()
        return True

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        if error is not None or result is None:
            return
        flags: Dict[str, Any] = {}
        payload = result
        if isinstance(result, tuple) and not hasattr(result, "dp_metadata_list"):
            payload = result[0] if result else None
            flags = dict(zip(("is_graph_capturing", "is_warmup"), result[1:3]))
        self.tracker.begin(phase_of(payload, flags) or "decode", controlled=True)
        self.tracker.stages = stages_of(payload)


class Frame(AfdHook):
    """execute_model, _dummy_run, capture_model: the step that began inside ends with it."""

    def enter(self, args: Any, kwargs: Any) -> Any:
        tracker = self.tracker
        learn_layers(tracker, args[0])
        scheduled = self.argument(args, kwargs, "scheduler_output")
        if scheduled is not None:
            phase, measures = batch_measures(args[0], scheduled)
            tracker.attention = {**measures, "phase": phase}
        return True

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        if self.tracker.controlled:
            self.tracker.end()
