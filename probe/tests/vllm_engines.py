"""Engines with the signatures of vLLM's AFD in its generations, and queues for a network.

Names, parameters and the order of calls are those of vllm-project/afd-plugin at the commits that
afdscope_probe/adapters/vllm_afd.py names; nothing is computed."""

from __future__ import annotations

import types
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from .keeping import Tensor, module


class Wire:
    """What one side sent and the other has not taken."""

    def __init__(self) -> None:
        self.to_ffn: Dict[int, deque] = {}
        self.to_attention: Dict[int, deque] = {}
        self.control: deque = deque()


@dataclass
class Metadata:
    layer_idx: int
    stage_idx: int
    seq_lens: List[int]


@dataclass
class Context:
    metadata: Metadata
    states: Any = None


@dataclass
class Payload:
    hidden_states: Any
    context: Context
    router_logits: Any = None


@dataclass
class ControlPayload:
    dp_metadata_list: Dict[int, Any]
    is_graph_capturing: bool = False
    is_warmup: bool = False
    is_graph_replaying: bool = False
    is_profile: bool = False


def config(role: str, **more: Any) -> Any:
    return types.SimpleNamespace(
        role=role, num_attention_ranks=2, num_ffn_ranks=2, compute_gate_on_attention=False, **more
    )


def vllm_config() -> Any:
    return types.SimpleNamespace(
        parallel_config=types.SimpleNamespace(num_ubatches=2),
        model_config=types.SimpleNamespace(
            model="deepseek", hf_text_config=types.SimpleNamespace(num_hidden_layers=3)
        ),
    )


def current() -> Any:
    """The plugin of 2026: contexts, payloads, a control plane."""

    class AFDConnectorBase(ABC):
        control_plane: Any = None

        @abstractmethod
        def init_afd_connector(self) -> None: ...

        @abstractmethod
        def send_attn_output(self, hidden_states: Any, context: Context, **kwargs: Any) -> None: ...

        @abstractmethod
        def recv_ffn_output(self, ref_tensor: Any, ubatch_idx: int = 0, **kwargs: Any) -> Any: ...

        @abstractmethod
        def recv_attn_output(self, ubatch_idx: int = 0, **kwargs: Any) -> Payload: ...

        @abstractmethod
        def send_ffn_output(self, ffn_output: Any, context: Context, **kwargs: Any) -> None: ...

    class AFDControlPlane(ABC):
        @abstractmethod
        def update_state_from_dp_metadata(self, payload: ControlPayload) -> None: ...

        @abstractmethod
        def send_dp_metadata_list(self, payload: ControlPayload) -> None: ...

        @abstractmethod
        def recv_dp_metadata_list(self) -> ControlPayload: ...

    base = module("afd_plugin.connectors.base", AFDConnectorBase=AFDConnectorBase, AFDControlPlane=AFDControlPlane)

    class P2pNcclAFDControlPlane(AFDControlPlane):
        def __init__(self, connector: Any) -> None:
            self.connector = connector

        def update_state_from_dp_metadata(self, payload: ControlPayload) -> None:
            pass

        def send_dp_metadata_list(self, payload: ControlPayload) -> None:
            self.connector.wire.control.append(payload)

        def recv_dp_metadata_list(self) -> ControlPayload:
            return self.connector.wire.control.popleft()

    class P2pNcclAFDConnector(AFDConnectorBase):
        def __init__(self, role: str, role_rank: int, wire: Wire) -> None:
            self.afd_config = config(role)
            self.vllm_config = vllm_config()
            self.role_rank = role_rank
            self.rank = role_rank + 2
            self.ratio = 1
            self.mapping = types.SimpleNamespace(subgroup_index=role_rank)
            self.wire = wire
            self.control_plane = P2pNcclAFDControlPlane(self)

        def init_afd_connector(self) -> None:
            self.ready = True

        def send_attn_output(self, hidden_states: Any, context: Context, **kwargs: Any) -> None:
            if sum(context.metadata.seq_lens) != hidden_states.shape[0]:
                raise ValueError("shape")
            self.wire.to_ffn.setdefault(context.metadata.stage_idx, deque()).append(hidden_states)

        def recv_ffn_output(self, ref_tensor: Any, ubatch_idx: int = 0, **kwargs: Any) -> Any:
            return self.wire.to_attention[ubatch_idx].popleft()

        def recv_attn_output(self, ubatch_idx: int = 0, **kwargs: Any) -> Payload:
            hidden = self.wire.to_ffn[ubatch_idx].popleft()
            return Payload(hidden, Context(Metadata(0, ubatch_idx, [hidden.shape[0]])))

        def send_ffn_output(self, ffn_output: Any, context: Context, **kwargs: Any) -> None:
            self.wire.to_attention.setdefault(context.metadata.stage_idx, deque()).append(ffn_output)

    gpu = module(
        "afd_plugin.connectors.gpu.p2p",
        P2pNcclAFDConnector=P2pNcclAFDConnector,
        P2pNcclAFDControlPlane=P2pNcclAFDControlPlane,
    )

    class RemoteFFNProxy:
        def __init__(self, *, layer_idx: int) -> None:
            self.layer_idx = layer_idx

        def __call__(self, connector: Any, stage: int, hidden_states: Any) -> Any:
            return self._send_and_receive(hidden_states, connector=connector, stage=stage)

        def _send_and_receive(self, hidden_states: Any, *, connector: Any, stage: int) -> Any:
            context = Context(Metadata(self.layer_idx, stage, [hidden_states.shape[0]]))
            connector.send_attn_output(hidden_states, context)
            connector.exchange(stage)
            return connector.recv_ffn_output(ref_tensor=hidden_states, ubatch_idx=stage)

    class AFDDecoderLayer:
        is_moe_layer = True

        def __init__(self, layer_idx: int) -> None:
            self.layer_idx = layer_idx

        def compute_ffn_output(self, hidden_states: Any) -> Any:
            return hidden_states

    class AFDModel:
        def __init__(self) -> None:
            self.layers = [AFDDecoderLayer(index) for index in range(3)]

        def compute_ffn_output(self, hidden_states: Any, layer_idx: int) -> Any:
            return self.layers[layer_idx].compute_ffn_output(hidden_states)

        def get_experts_layer_indices(self) -> Any:
            return (1, 2)

    models = module(
        "afd_plugin.model_executor.models.deepseek_v2",
        RemoteFFNProxy=RemoteFFNProxy, AFDDecoderLayer=AFDDecoderLayer, AFDModel=AFDModel,
    )

    class AFDAttentionModelRunner:
        def __init__(self, connector: Any) -> None:
            self.connector = connector
            self.proxies = [models.RemoteFFNProxy(layer_idx=index) for index in range(3)]
            self.input_batch = types.SimpleNamespace(
                num_computed_tokens_cpu=[100, 200, 300], req_id_to_index={"a": 0, "b": 1, "c": 2}
            )

        def execute_model(self, scheduler_output: Any, intermediate_tensors: Any = None) -> str:
            self._run(ControlPayload({stage: None for stage in range(scheduler_output.stages)}))
            return "tokens"

        def _dummy_run(self, num_tokens: int, is_graph_capturing: bool = False) -> None:
            self._run(ControlPayload({0: None}, is_graph_capturing, not is_graph_capturing))

        def _run(self, payload: ControlPayload) -> None:
            self.connector.control_plane.update_state_from_dp_metadata(payload)
            self.connector.control_plane.send_dp_metadata_list(payload)
            for proxy in self.proxies:
                for stage in payload.dp_metadata_list:
                    proxy(self.connector, stage, Tensor(4 + stage))

    class GPUFFNModelRunner:
        def __init__(self, connector: Any) -> None:
            self.connector = connector
            self.afd_config = connector.afd_config
            self.model = models.AFDModel()
            self.num_layers = 3
            self.replay: Any = None

        def execute_model(self, scheduler_output: Any = None, *, dp_metadata_list: Any = None) -> None:
            if self.replay is not None:
                self.replay()
                return
            for layer_idx in range(self.num_layers):
                for stage_idx in sorted(dp_metadata_list):
                    payload = self.connector.recv_attn_output(ubatch_idx=stage_idx, routing_spec=None)
                    payload.context.metadata.layer_idx = layer_idx
                    output = self.model.compute_ffn_output(payload.hidden_states, layer_idx)
                    self.connector.send_ffn_output(output, payload.context)

        def run_once(self) -> None:
            payload = self.connector.control_plane.recv_dp_metadata_list()
            self.execute_model(dp_metadata_list=payload.dp_metadata_list)

    attention = module(
        "afd_plugin.v1.worker.attention_model_runner", AFDAttentionModelRunner=AFDAttentionModelRunner
    )
    ffn = module("afd_plugin.v1.worker.ffn_model_runner", GPUFFNModelRunner=GPUFFNModelRunner)
    return types.SimpleNamespace(base=base, gpu=gpu, models=models, attention=attention, ffn=ffn)


def echo(connector: Any) -> Any:
    """Makes the attention side's connector answer itself, so that one side can run alone."""

    def exchange(stage: int) -> None:
        hidden = connector.wire.to_ffn[stage].popleft()
        connector.wire.to_attention.setdefault(stage, deque()).append(hidden)

    connector.exchange = exchange
    return connector


def scheduled(stages: int = 1, **counts: int) -> Any:
    return types.SimpleNamespace(num_scheduled_tokens=counts, scheduled_spec_decode_tokens={}, stages=stages)


def first_plugin() -> Any:
    """The plugin's first versions: metadata alone, the control plane on the connector."""

    class AFDConnectorBase:
        pass

    module("afd_plugin.connectors.base", AFDConnectorBase=AFDConnectorBase)

    class CAMP2PAFDConnector(AFDConnectorBase):
        def __init__(self, wire: Wire) -> None:
            self.wire = wire

        def send_dp_metadata_list(
            self, dp_metadata_list: Any, is_graph_capturing: bool = False, is_warmup: bool = False
        ) -> None:
            self.wire.control.append((dp_metadata_list, is_graph_capturing, is_warmup))

        def recv_dp_metadata_list(self, timeout_ms: Optional[int] = None) -> Any:
            return self.wire.control.popleft()

        def send_attn_output(self, hidden_states: Any, metadata: Metadata) -> None:
            self.wire.to_ffn.setdefault(metadata.stage_idx, deque()).append((hidden_states, metadata))

        def recv_ffn_output(self, hidden_states: Any, metadata: Metadata, ubatch_idx: int = 0) -> Any:
            return hidden_states

        def recv_attn_output(self, metadata: Any = None, ubatch_idx: Optional[int] = None) -> Any:
            return self.wire.to_ffn[ubatch_idx or 0].popleft()

        def send_ffn_output(self, ffn_output: Any, metadata: Metadata, **kwargs: Any) -> None:
            pass

    return module("afd_plugin.connectors.camp2p", CAMP2PAFDConnector=CAMP2PAFDConnector)


def in_tree() -> Any:
    """Inside vLLM, over StepMesh: receives by timeout, no control plane, the FFN side knows no layer."""

    class AFDConnectorBase:
        pass

    module("vllm.distributed.afd_transfer.afd_connector.base", AFDConnectorBase=AFDConnectorBase)

    class StepMeshAFDConnector(AFDConnectorBase):
        def __init__(self) -> None:
            self.events: deque = deque()
            self.served = 0

        def send_attn_output(self, hidden_states: Any, metadata: Metadata) -> Any:
            self.events.append((hidden_states, metadata))

        def recv_ffn_output(self, timeout_ms: Optional[float] = None) -> Any:
            return self.events.popleft()[0]

        def recv_attn_output(self, timeout_ms: Optional[float] = None) -> Any:
            return Tensor(6), Metadata(-1, -1, [2, 4])

        def send_ffn_output(self, ffn_output: Any, metadata: Metadata) -> None:
            self.served += 1

    connectors = module(
        "vllm.distributed.afd_transfer.afd_connector.stepmesh_connector",
        StepMeshAFDConnector=StepMeshAFDConnector,
    )

    class Step3TextForCausalLM:
        def compute_ffn_output(self, current_layer_idx: int, hidden_states: Any) -> Any:
            return hidden_states

    models = module("vllm.model_executor.models.step3_text", Step3TextForCausalLM=Step3TextForCausalLM)
    return types.SimpleNamespace(connectors=connectors, models=models)


@dataclass
class Odd:
    """Metadata of a version nobody has seen."""

    where: str = "somewhere"
    extra: Dict[str, Any] = field(default_factory=dict)
