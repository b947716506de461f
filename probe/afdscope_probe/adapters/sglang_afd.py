"""SGLang's AFD in its two forms, and two-batch overlap (TBO), which is not AFD but compared with it.

================================  =============================================  ==========================
seen at (sgl-project/sglang)      hooked                                         step, layer, micro-batch
================================  =============================================  ==========================
0153775 (#10900, #36258:          token_dispatcher.stepmesh StepMeshATTN.send,   ModelRunner.forward and
``--afd-role``, StepMesh)         .recv; StepMeshFFN.recv, .send;                its forward_pass_id;
                                  ModelRunner.forward                            self.layer_id; always 0
c74e734, d4fdee8 (srt/afd:        AFDPairedP2PTransport.begin_step, dispatch,    descriptor.step_id;
lanes, NCCL pairs, TBO loop)      receive_return, receive_dispatch,              local_compute(layer=,
                                  return_result, wait; local_compute of the      stage=) and stage.index
                                  model adapters; the pipelines' execute,
                                  run_once
04bb08a, 0e02cef (TBO)            batch_overlap.operations._decorate_operation   ModelRunner.forward; the
and sglang.srt.operations         (every op of every model)                      op's layer_id; state's
                                                                                 tbo_subbatch_index
================================  =============================================  ==========================

Attention (and with StepMesh the experts) are what is computed between two of these calls. In a CUDA
graph no Python runs: what is seen then says graphs.py.
"""

from __future__ import annotations

import functools
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from . import guards, views
from .graphs import Graphs
from .record import Recorder
from .sglang_state import Track, batch_of
from .stagehook import Fail, StageHook
from .targets import Scan, Target
from .wrap import Hook

_STEPMESH = "sglang.srt.layers.moe.token_dispatcher.stepmesh:"
_RUNNER = "sglang.srt.model_executor.model_runner:ModelRunner."
_TRANSPORT = "sglang.srt.afd.transport:AFDPairedP2PTransport."
_PIPELINE = "sglang.srt.afd.pipeline:"
_ADAPTERS = "sglang.srt.afd.model_adapters"
_OPERATIONS = ("sglang.srt.batch_overlap.operations", "sglang.srt.operations")

Enter = Callable[[Any, Any, Any], Any]
Leave = Callable[[Any, Any, Any, Any, Any, Any], None]

#: Operation, without what stands before its name -> (stage, kind or None for the stage's own).
TBO_STAGES: Dict[str, Tuple[str, Optional[str]]] = {
    "attn": ("attention", None),
    "core": ("attention", None),
    "prepare": ("attention", None),
    "attn_core": ("attention", None),
    "attn_prep": ("attention", None),
    "gate": ("gate", None),
    "select_experts": ("gate", None),
    "dispatch_a": ("dispatch", None),
    "dispatch_b": ("dispatch", None),
    "dispatch": ("dispatch", None),
    "experts": ("expert", None),
    "mlp": ("expert", None),
    "moe": ("expert", None),
    "shared_experts": ("shared_expert", None),
    "combine_a": ("collective", None),
    "combine_b": ("collective", None),
    "combine": ("collective", None),
}
_PREFIXES = ("op_", "_forward_tbo_op_", "_forward_op_", "_forward_", "forward_")


def stage_of_operation(name: str) -> Tuple[str, Optional[str]]:
    """Stage and kind of a TBO operation by its name; others keep theirs, as computation."""
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            short = name[len(prefix):]
            return TBO_STAGES.get(short, (short, "compute"))
    return TBO_STAGES.get(name, (name, "compute"))


class _Call(StageHook):
    """A hook of two functions."""

    def __init__(self, track: Track, group: str, fail: Fail, function: Any, enter: Enter, leave: Leave) -> None:
        super().__init__(track.recorder, group, fail, function)
        self.track = track
        self._enter = enter
        self._leave = leave

    def enter(self, args: Any, kwargs: Any) -> Any:
        return self._enter(self, args, kwargs)

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        self._leave(self, token, args, kwargs, result, error)


def _finish(hook: Any, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
    hook.track.recorder.end(token)


# ModelRunner.forward: a step


def runner_facts(runner: Any) -> Dict[str, Any]:
    """What a ModelRunner knows of its worker, as arguments of ``afdscope_probe.start``."""
    role = str(getattr(getattr(runner, "server_args", None), "afd_role", None) or "").rsplit(".", 1)[-1].lower()
    if role[:4] not in ("attn", "atte", "ffn"):
        return {}
    facts = {
        "role": "ffn" if role == "ffn" else "attention",
        "rank": views.index(getattr(runner, "tp_rank", None)),
        "layers": views.index(getattr(getattr(runner, "model_config", None), "num_hidden_layers", None)),
    }
    return {name: value for name, value in facts.items() if value != -1}


def transport_facts(transport: Any) -> Dict[str, Any]:
    """The same from a lane's transport; its NCCL sends wait for their receiver."""
    role = getattr(getattr(transport, "role", None), "value", None)
    rank = views.index(getattr(transport, "lane", None))
    if role not in ("attention", "ffn") or rank < 0:
        return {}
    return {
        "role": role,
        "rank": rank,
        "connector": type(transport).__name__,
        "resource": {"afd.send_mode": "rendezvous"},
    }


def _forward_enter(hook: Any, args: Any, kwargs: Any) -> Any:
    hook.track.tell(runner_facts, args[0])
    phase, measures = batch_of(hook.argument(args, kwargs, "forward_batch"))
    hook.track.begin(views.index(getattr(args[0], "forward_pass_id", None)), phase, measures)
    hook.track.open_gap("attention", 0)
    return True


def _step_leave(hook: Any, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
    hook.track.end()


# #36258: StepMesh


def _attn_send_enter(hook: Any, args: Any, kwargs: Any) -> Any:
    track = hook.track
    layer = views.index(getattr(args[0], "layer_id", None))
    proxy: Any = args[1] if len(args) > 1 else None
    try:
        hidden = proxy["hidden_states"]
    except (TypeError, KeyError):
        hidden = None
    tokens = views.rows(hidden)
    track.close_gap("attention", layer, 0, tokens)
    return track.recorder.begin("a2f_send", layer, 0, _sizes(hidden))


def _attn_recv_enter(hook: Any, args: Any, kwargs: Any) -> Any:
    return hook.track.recorder.begin("f2a_recv", views.index(getattr(args[0], "layer_id", None)), 0)


def _attn_recv_leave(hook: Any, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
    track = hook.track
    track.recorder.end(token, measures=_sizes(result))
    track.open_gap("attention", token[3] + 1)


def _ffn_recv_enter(hook: Any, args: Any, kwargs: Any) -> Any:
    return hook.track.recorder.begin("a2f_recv", views.index(getattr(args[0], "layer_id", None)), 0)


def _ffn_recv_leave(hook: Any, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
    track = hook.track
    hidden = result[0] if isinstance(result, tuple) and result else None
    track.recorder.end(token, measures=_sizes(hidden))
    track.open_gap("expert", token[3])


def _ffn_send_enter(hook: Any, args: Any, kwargs: Any) -> Any:
    track = hook.track
    layer = views.index(getattr(args[0], "layer_id", None))
    output = args[1] if len(args) > 1 else None
    track.close_gap("expert", layer, 0, views.rows(output))
    return track.recorder.begin("f2a_send", layer, 0, _sizes(output))


def _sizes(tensor: Any) -> Dict[str, Any]:
    measures: Dict[str, Any] = {}
    tokens, size = views.rows(tensor), views.size_bytes(tensor)
    if tokens is not None:
        measures["tokens"] = tokens
    if size is not None:
        measures["bytes"] = size
    return measures


# srt/afd: lanes


def _begin_step_leave(hook: Any, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
    kind = getattr(result, "kind", None)
    if error is not None or kind not in ("STEP", "CAPTURE"):
        return
    hook.track.tell(transport_facts, args[0])
    phase = "capture" if kind == "CAPTURE" else "prefill" if getattr(result, "is_extend_in_batch", False) else "decode"
    hook.track.begin(views.index(getattr(result, "step_id", None)), phase)


def _local_compute_enter(hook: Any, args: Any, kwargs: Any) -> Any:
    track = hook.track
    layer = views.index(hook.argument(args, kwargs, "layer"))
    microbatch = views.index(getattr(hook.argument(args, kwargs, "stage"), "index", None), 0)
    track.layer, track.microbatch = layer, microbatch
    while track.unplaced:
        start, duration = track.unplaced.popleft()
        track.recorder.record("a2f_recv", start, duration, layer=layer, microbatch=microbatch)
    role = getattr(getattr(args[0], "role", None), "value", "attention")
    rows = views.index(getattr(hook.argument(args, kwargs, "stage"), "rows", None))
    return track.recorder.begin(
        "expert" if role == "ffn" else "attention", layer, microbatch, {"tokens": rows} if rows >= 0 else None
    )


def _dispatch_enter(hook: Any, args: Any, kwargs: Any) -> Any:
    track = hook.track
    measures = _sizes(args[1] if len(args) > 1 else None)
    peer = _lane_peer(args[0])
    if peer >= 0:
        measures["peer"] = peer
    return track.recorder.begin("a2f_send", track.layer, track.microbatch, measures)


def _return_enter(hook: Any, args: Any, kwargs: Any) -> Any:
    track = hook.track
    return track.recorder.begin("f2a_send", track.layer, track.microbatch)


def _receive_return_leave(hook: Any, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
    if result is not None:
        hook.track.awaited[id(result)] = (hook.track.layer, hook.track.microbatch)


def _wait_enter(hook: Any, args: Any, kwargs: Any) -> Any:
    event = args[1] if len(args) > 1 else None
    if event is None or not hook.track.open:
        return None
    track = hook.track
    place = track.awaited.pop(id(event), None)
    if place is not None:
        peer = _lane_peer(args[0])
        return track.recorder.begin("f2a_recv", place[0], place[1], {"peer": peer} if peer >= 0 else None)
    return track.recorder.now()


def _wait_leave(hook: Any, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
    track = hook.track
    if isinstance(token, tuple):
        track.recorder.end(token)
    else:  # the FFN side: the layer is told by the computation that follows
        track.unplaced.append((token, track.recorder.now() - token))


def _lane_peer(transport: Any) -> int:
    """The FFN rank an attention lane speaks with."""
    topology, lane = getattr(transport, "_topology", None), views.index(getattr(transport, "lane", None))
    ingress = getattr(topology, "ingress_ffn", None)
    if ingress is None or lane < 0 or getattr(getattr(transport, "role", None), "value", "") != "attention":
        return -1
    return views.index(ingress(attention_ordinal=lane))


# two-batch overlap


def _decorated(hook: Any, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
    function = getattr(result, "fn", None)
    if error is not None or not callable(function):
        return
    name = getattr(function, "__name__", "")
    owner = getattr(function, "__self__", None)
    if not name or owner is None:
        return
    stage, kind = stage_of_operation(name)
    layer = views.index(getattr(owner, "layer_id", getattr(owner, "layer_idx", None)))
    result.fn = _timed(hook, function, stage, kind, layer)


def _timed(hook: Any, function: Callable[..., Any], stage: str, kind: Optional[str], layer: int) -> Callable[..., Any]:
    track = hook.track
    known = {"kind": kind} if kind else None

    @functools.wraps(function)
    def operation(*args: Any, **kwargs: Any) -> Any:
        if guards.compiling() or not hook.active or guards.capturing():
            return function(*args, **kwargs)
        started = None
        try:
            get = getattr(kwargs.get("state"), "get", None)
            child = views.index(get("tbo_subbatch_index") if get is not None else None, 0)
            started = track.recorder.begin(stage, layer, child, known)
        except Exception as error:
            hook.failed(error)
        try:
            return function(*args, **kwargs)
        finally:
            if started is not None:
                try:
                    track.recorder.end(started)
                except Exception as error:
                    hook.failed(error)

    return operation


class SglangAdapter:
    """All targets of SGLang's AFD and TBO."""

    name = "sglang"

    def __init__(self, recorder: Recorder, fail: Fail, told: Callable[[Dict[str, Any]], None]) -> None:
        self.track = Track(recorder, told)
        self._fail = fail
        self.targets: List[Union[Target, Scan]] = []
        nothing: Enter = lambda hook, args, kwargs: True
        add = self._add
        add(_RUNNER + "forward", _forward_enter, _step_leave)
        add(_STEPMESH + "StepMeshATTN.send", _attn_send_enter, _finish)
        add(_STEPMESH + "StepMeshATTN.recv", _attn_recv_enter, _attn_recv_leave)
        add(_STEPMESH + "StepMeshFFN.recv", _ffn_recv_enter, _ffn_recv_leave)
        add(_STEPMESH + "StepMeshFFN.send", _ffn_send_enter, _finish)
        add(_TRANSPORT + "begin_step", nothing, _begin_step_leave)
        add(_TRANSPORT + "dispatch", _dispatch_enter, _finish)
        add(_TRANSPORT + "return_result", _return_enter, _finish)
        add(_TRANSPORT + "receive_return", nothing, _receive_return_leave)
        add(_TRANSPORT + "wait", _wait_enter, _wait_leave)
        add(_PIPELINE + "AFDAttentionPipeline.execute", nothing, _step_leave)
        add(_PIPELINE + "AFDFFNPipeline.run_once", nothing, _step_leave)
        self.targets.append(
            Scan(_ADAPTERS, {"local_compute": self._maker("sglang local_compute", _local_compute_enter, _finish)})
        )
        for module in _OPERATIONS:
            add(module + ":_decorate_operation", nothing, _decorated)
        self.graphs = Graphs(recorder, "sglang", fail, lambda: self.track.open, self.track.drop_gap)
        self.targets.extend(self.graphs.targets)

    def _add(self, path: str, enter: Enter, leave: Leave) -> None:
        name = path.rsplit(":", 1)[1]
        self.targets.append(Target(path, self._maker("sglang " + name, enter, leave), subclasses="." in name))

    def _maker(self, group: str, enter: Enter, leave: Leave) -> Callable[[Any, str], Hook]:
        made: Dict[Tuple[int, str], Hook] = {}

        def make(owner: Any, name: str) -> Hook:
            key = (id(owner), name)
            if key not in made:
                made[key] = _Call(self.track, group, self._fail, vars(owner)[name], enter, leave)
            return made[key]

        return make
