"""vLLM's AFD: the afd-plugin, and the forms inside forks of vLLM that came before it.

What was seen, and is told apart by the arguments' names and types (commits of vllm-project/afd-plugin;
"in-tree" is vllm#29772 and its forks, module ``vllm.distributed.afd_transfer.afd_connector``):

=============================  =====================================================  =======================
seen at                        connector's methods                                    the step comes from
=============================  =====================================================  =======================
71d1dcf, 122f380, 0005d8e,     send_attn_output(hidden_states, context, **kwargs)     control_plane:
06a857b (2026)                 recv_ffn_output(ref_tensor, ubatch_idx=0, **kwargs)    send_dp_metadata_list(payload)
                               recv_attn_output(ubatch_idx=0, **kwargs) -> payload    recv_dp_metadata_list()
                               send_ffn_output(ffn_output, context, **kwargs)         -> payload
the plugin's first versions    send_attn_output(hidden_states, metadata)              the connector's own
                               recv_ffn_output(hidden_states, metadata, ubatch_idx)   send_dp_metadata_list(
                               or (timeout_ms); recv_attn_output(metadata,            list, is_graph_capturing,
                               ubatch_idx) -> (tensor, metadata) or a payload         is_warmup); recv -> tuple
in-tree (StepMesh, P2P, CAM)   send_attn_output(hidden_states, metadata),             layers that start over
                               recv_ffn_output(timeout_ms), recv_attn_output(
                               timeout_ms) -> (tensor, metadata)
=============================  =====================================================  =======================

Models: compute_attn_output of decoder layers (NPU, asynchronous); elsewhere attention is what the thread computes
between two exchanges (RemoteFFNProxy._send_and_receive at 04ac606, send_and_receive_remote_ffn at
fa12043). compute_ffn_output and compute_experts_output are told (hidden_states, layer_idx, ...).

In graph mode (FULL_DECODE_ONLY) a step is one CUDAGraph.replay on each side and no Python runs inside.
Where the GPU timer puts events into the graph while it is captured (graphs.py) their stages are seen in
every replay; else one ``graph_replay`` event of kind host stands for the step. What a compiled model
traces is not seen.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Tuple, Type, Union

from . import vllm_hooks as hooks
from .graphs import Graphs
from .record import Recorder
from .targets import Scan, Target, the_one
from .vllm_state import Tracker
from .wrap import Hook

NAME = "vllm"

_PLUGIN = "afd_plugin."
_IN_TREE = "vllm.distributed.afd_transfer.afd_connector"
_MODELS = _PLUGIN + "model_executor.models."
_WORKER = _PLUGIN + "v1.worker."

#: Bases whose subclasses are the connectors.
_CONNECTORS = (
    _PLUGIN + "connectors.base:AFDConnectorBase",
    _IN_TREE + ".base:AFDConnectorBase",
    _IN_TREE + ":AFDConnectorBase",
)
_CONTROL = _CONNECTORS + (_PLUGIN + "connectors.base:AFDControlPlane",)
#: Where models and runners are looked for, by the names of their methods.
_MODEL_PLACES = (_PLUGIN + "model_executor.models", "vllm.model_executor.models")
_RUNNER_PLACES = (_PLUGIN + "v1.worker", "vllm.v1.worker.gpu_ffn_model_runner")


def facts_of(connector: Any) -> Dict[str, Any]:
    """What a connector knows of its worker, as arguments of ``afdscope_probe.start``."""
    config = getattr(connector, "vllm_config", None) or getattr(connector, "config", None)
    afd = getattr(connector, "afd_config", None) or getattr(config, "afd_config", None)
    parallel = getattr(config, "parallel_config", None)
    model = getattr(config, "model_config", None)
    text = getattr(model, "hf_text_config", None) or getattr(model, "hf_config", None)
    attention = _first(afd, "num_attention_ranks", "num_attention_servers")
    ffn = _first(afd, "num_ffn_ranks", "num_ffn_servers")
    facts = {
        "role": _first(afd, "role", "afd_role"),
        "rank": _first(connector, "role_rank") if hasattr(connector, "role_rank") else _first(connector, "rank"),
        "topology": f"{attention}A{ffn}F" if attention and ffn else None,
        "microbatches": _first(afd, "num_afd_stages") or _first(parallel, "num_ubatches"),
        "layers": _first(text, "num_hidden_layers"),
        "model": _first(model, "model"),
        "connector": type(connector).__name__,
    }
    known: Dict[str, Any] = {name: value for name, value in facts.items() if isinstance(value, (str, int))}
    if "Nccl" in type(connector).__name__ or "P2P" in type(connector).__name__.upper():
        # Its send kernel waits for the receiver.
        known["resource"] = {"afd.send_mode": "rendezvous"}
    return known


def _first(holder: Any, *names: str) -> Any:
    return next((value for value in (getattr(holder, name, None) for name in names) if value is not None), None)


class _Identity(Hook):
    """init_afd_connector: the worker now knows who it is."""

    def __init__(self, fail: Callable[[Hook, Exception], None], told: Callable[[Dict[str, Any]], None]) -> None:
        super().__init__("vllm identity", fail)
        self._told = told

    def enter(self, args: Any, kwargs: Any) -> Any:
        self._told(facts_of(args[0]))


class VllmAdapter:
    """All targets of vLLM's AFD, and the state they share."""

    name = NAME

    def __init__(
        self,
        recorder: Recorder,
        fail: Callable[[Hook, Exception], None],
        told: Callable[[Dict[str, Any]], None],
    ) -> None:
        self.tracker = Tracker(recorder)
        self._fail = fail
        self.targets: List[Union[Target, Scan]] = []
        for base in _CONNECTORS:
            self._add(base, hooks.SendAttention, "send_attn_output")
            self._add(base, hooks.ReceiveFfn, "recv_ffn_output")
            self._add(base, hooks.ReceiveAttention, "recv_attn_output")
            self._add(base, hooks.SendFfn, "send_ffn_output")
            identity = the_one(_Identity(fail, told))
            self.targets.append(Target(f"{base}.init_afd_connector", identity, subclasses=True))
        for base in _CONTROL:
            self._add(base, hooks.SendControl, "send_dp_metadata_list")
            self._add(base, hooks.ReceiveControl, "recv_dp_metadata_list")
        for prefix in _MODEL_PLACES:
            self._scan(
                prefix,
                {
                    "compute_attn_output": (hooks.ComputeAttention, "vllm compute_attn_output"),
                    "compute_ffn_output": (hooks.ComputeFfn, "vllm expert"),
                    "compute_experts_output": (hooks.ComputeFfn, "vllm expert"),
                },
            )
        for prefix in _RUNNER_PLACES:
            self._scan(
                prefix,
                {name: (hooks.Frame, "vllm runner") for name in ("execute_model", "_dummy_run", "capture_model")},
            )
        self._add(_MODELS + "deepseek_v2:RemoteFFNProxy", hooks.Exchange, "_send_and_receive")
        self._add(_MODELS + "remote_ffn:", hooks.Exchange, "send_and_receive_remote_ffn")
        self._add("vllm.v1.worker.ubatching:UBatchContext", hooks.Ubatch, "__enter__")
        self.graphs = Graphs(recorder, "vllm", fail, self._in_step, self.tracker.captured)
        self.targets.extend(self.graphs.targets)

    def _in_step(self) -> bool:
        return self.tracker.open

    def _add(self, path: str, hook: Type[hooks.AfdHook], method: str) -> None:
        make = self._maker(hook, "vllm " + method)
        separator = "" if path.endswith(":") else "."
        self.targets.append(Target(path + separator + method, make, subclasses=not path.endswith(":")))

    def _scan(self, prefix: str, methods: Dict[str, Tuple[Type[hooks.AfdHook], str]]) -> None:
        self.targets.append(
            Scan(prefix, {name: self._maker(hook, group) for name, (hook, group) in methods.items()})
        )

    def _maker(self, hook: Type[hooks.AfdHook], group: str) -> Callable[[Any, str], Hook]:
        made: Dict[Tuple[int, str], Hook] = {}

        def make(owner: Any, name: str) -> Hook:
            key = (id(owner), name)
            if key not in made:
                function = vars(owner)[name]
                made[key] = hook(self.tracker, group, self._fail, getattr(function, "__func__", function))
            return made[key]

        return make
