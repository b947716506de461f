"""SGLang's AFD over StepMesh, its lanes, and two-batch overlap."""

from __future__ import annotations

import types
import unittest
from collections import deque
from typing import Any, Dict, List, Optional

from afdscope_probe import adapters
from afdscope_probe.adapters.sglang_afd import stage_of_operation

from .keeping import AdapterCase, Tensor, module
from .test_adapters_vllm import rows


class Mode:
    def __init__(self, name: str) -> None:
        self.name = name

    def is_mixed(self) -> bool:
        return self.name == "mixed"

    def is_extend(self) -> bool:
        return self.name in ("mixed", "extend")


def batch(mode: str = "decode") -> Any:
    return types.SimpleNamespace(forward_mode=Mode(mode), batch_size=2, seq_lens_sum=640)


def model_runner(run: Any) -> Any:
    class ModelRunner:
        def __init__(self) -> None:
            self.forward_pass_id = 0
            self.tp_rank = 1
            self.server_args = types.SimpleNamespace(afd_role="attn")
            self.model_config = types.SimpleNamespace(num_hidden_layers=2)

        def forward(self, forward_batch: Any, skip_attn_backend_init: bool = False) -> str:
            self.forward_pass_id += 1
            run()
            return "logits"

    return module("sglang.srt.model_executor.model_runner", ModelRunner=ModelRunner).ModelRunner()


class StepMesh(AdapterCase):
    def engine(self) -> Any:
        class StepMeshATTN:
            def __init__(self, layer_id: int, group: Any) -> None:
                self.waits: deque = deque()
                self.layer_id = layer_id

            def send(self, p: Any) -> None:
                self.waits.append(p["hidden_states"])

            def recv(self) -> Any:
                return self.waits.popleft()

        class StepMeshFFN:
            def __init__(self, layer_id: int, group: Any) -> None:
                self.layer_id = layer_id

            def send(self, x: Any) -> None:
                if x is None:
                    raise RuntimeError("the engine's own")

            def recv(self) -> Any:
                return Tensor(5), "topk"

        return module(
            "sglang.srt.layers.moe.token_dispatcher.stepmesh", StepMeshATTN=StepMeshATTN, StepMeshFFN=StepMeshFFN
        )

    def test_the_attention_side(self) -> None:
        mesh = self.engine()
        links = [mesh.StepMeshATTN(index, None) for index in range(2)]

        def run() -> None:
            for link in links:
                link.send({"hidden_states": Tensor(3), "topk_ids": None})
                link.recv()

        runner = model_runner(run)
        told: List[Dict[str, Any]] = []
        adapters.enable(["sglang"], told=told.append)
        self.assertEqual("logits", runner.forward(batch()))
        runner.forward(forward_batch=batch("extend"))
        events = self.probe.finish()
        self.assertEqual(
            [(0, stage, layer, 0) for layer in (0, 1) for stage in ("attention", "a2f_send", "f2a_recv")],
            rows([event for event in events if event.step == 0]),
        )
        self.assertEqual({0: "decode", 1: "prefill"}, {event.step: event.phase for event in events})
        self.assertEqual(
            {"tokens": 3, "requests": 2, "context_tokens": 640},
            next(event.more for event in events if event.stage == "attention"),
        )
        self.assertEqual([{"role": "attention", "rank": 1, "layers": 2}], told)
        self.assertEqual([], self.log)

    def test_the_ffn_side(self) -> None:
        mesh = self.engine()
        links = [mesh.StepMeshFFN(index, None) for index in range(2)]

        def run() -> None:
            for link in links:
                hidden, _ = link.recv()
                link.send(hidden)

        runner = model_runner(run)
        adapters.enable(["sglang"])
        runner.forward(batch())
        self.assertEqual(
            [(0, stage, layer, 0) for layer in (0, 1) for stage in ("a2f_recv", "expert", "f2a_send")],
            rows(self.probe.finish()),
        )
        self.assertEqual({5}, {event.tokens for event in self.probe.events})

    def test_exceptions_and_removal(self) -> None:
        mesh = self.engine()
        original = mesh.StepMeshFFN.__dict__["send"]
        adapters.enable(["sglang"])
        with self.assertRaisesRegex(RuntimeError, "the engine's own"):
            mesh.StepMeshFFN(0, None).send(None)
        adapters.disable()
        self.assertIs(original, mesh.StepMeshFFN.__dict__["send"])


class Role:
    def __init__(self, value: str) -> None:
        self.value = value


class Lanes(AdapterCase):
    def engine(self) -> Any:
        class AFDPairedP2PTransport:
            def __init__(self, role: str, lane: int) -> None:
                self.role, self.lane = Role(role), lane
                self._topology = types.SimpleNamespace(ingress_ffn=lambda *, attention_ordinal: attention_ordinal // 2)
                self.descriptors: deque = deque()

            def begin_step(self, descriptor: Any) -> Any:
                return descriptor if descriptor is not None else self.descriptors.popleft()

            def dispatch(self, tensor: Any) -> None: ...

            def return_result(self, tensors: Any) -> None: ...

            def receive_return(self, buffer: Any) -> Any:
                return object()

            def receive_dispatch(self, buffers: Any) -> Any:
                return object()

            def wait(self, event: Any) -> None: ...

        class Qwen3MoeAdapter:
            def __init__(self, role: str) -> None:
                self.role = Role(role)

            def local_compute(
                self, *, layer: int, stage: Any, hidden_states: Any, residual: Any, positions: Any = None
            ) -> Any:
                return hidden_states, residual

        class AFDAttentionPipeline:
            def __init__(self, adapter: Any, transport: Any) -> None:
                self.adapter, self.transport, self.step_id = adapter, transport, 0

            def execute(self, *, descriptor: Any) -> None:
                self.transport.begin_step(descriptor)
                events: List[Optional[Any]] = [None, None]
                stages = [types.SimpleNamespace(index=0, rows=3), types.SimpleNamespace(index=1, rows=4)]
                for layer in range(2):
                    for stage in stages:
                        if layer:
                            self.transport.wait(events[stage.index])
                        self.adapter.local_compute(
                            layer=layer, stage=stage, positions=None, hidden_states=None, residual=None
                        )
                        self.transport.dispatch(Tensor(stage.rows))
                        events[stage.index] = self.transport.receive_return(Tensor(stage.rows))
                for stage in stages:
                    self.transport.wait(events[stage.index])

        class AFDFFNPipeline:
            def __init__(self, adapter: Any, transport: Any) -> None:
                self.adapter, self.transport = adapter, transport

            def run_once(self) -> bool:
                descriptor = self.transport.begin_step(None)
                if descriptor.kind != "STEP":
                    return descriptor.kind != "CLOSE"
                stages = [types.SimpleNamespace(index=0, rows=3), types.SimpleNamespace(index=1, rows=4)]
                for layer in range(2):
                    for stage in stages:
                        self.transport.wait(self.transport.receive_dispatch((Tensor(stage.rows),)))
                        self.adapter.local_compute(layer=layer, stage=stage, hidden_states=None, residual=None)
                        self.transport.return_result((Tensor(stage.rows),))
                return True

        transport = module("sglang.srt.afd.transport", AFDPairedP2PTransport=AFDPairedP2PTransport)
        models = module("sglang.srt.afd.model_adapters.qwen3_moe", Qwen3MoeAdapter=Qwen3MoeAdapter)
        pipeline = module(
            "sglang.srt.afd.pipeline", AFDAttentionPipeline=AFDAttentionPipeline, AFDFFNPipeline=AFDFFNPipeline
        )
        return types.SimpleNamespace(transport=transport, models=models, pipeline=pipeline)

    def test_the_attention_lane(self) -> None:
        engine = self.engine()
        told: List[Dict[str, Any]] = []
        adapters.enable(["sglang"], told=told.append)
        pipeline = engine.pipeline.AFDAttentionPipeline(
            engine.models.Qwen3MoeAdapter("attention"), engine.transport.AFDPairedP2PTransport("attention", 3)
        )
        pipeline.execute(descriptor=types.SimpleNamespace(kind="STEP", step_id=41, is_extend_in_batch=False))
        pipeline.execute(descriptor=types.SimpleNamespace(kind="CAPTURE", step_id=42, is_extend_in_batch=False))
        events = self.probe.finish()
        for stage in ("attention", "a2f_send", "f2a_recv"):
            mine = [event for event in events if event.stage == stage and event.step == 41]
            self.assertEqual([(layer, mb) for layer in (0, 1) for mb in (0, 1)], [(e.layer, e.microbatch) for e in mine])
            if stage != "attention":
                self.assertEqual({1}, {event.peer for event in mine})
        self.assertEqual({41: "decode", 42: "capture"}, {event.step: event.phase for event in events})
        self.assertEqual(("attention", 3), (told[0]["role"], told[0]["rank"]))

    def test_the_ffn_lane(self) -> None:
        engine = self.engine()
        transport = engine.transport.AFDPairedP2PTransport("ffn", 0)
        transport.descriptors.extend(
            types.SimpleNamespace(kind=kind, step_id=7, is_extend_in_batch=True) for kind in ("READY", "STEP", "CLOSE")
        )
        pipeline = engine.pipeline.AFDFFNPipeline(engine.models.Qwen3MoeAdapter("ffn"), transport)
        adapters.enable(["sglang"])
        self.assertEqual([True, True, False], [pipeline.run_once() for _ in range(3)])
        expected = [
            (7, stage, layer, mb)
            for layer in (0, 1) for mb in (0, 1) for stage in ("a2f_recv", "expert", "f2a_send")
        ]
        self.assertEqual(expected, rows(self.probe.finish()))
        self.assertEqual({"prefill"}, {event.phase for event in self.probe.events})


class Overlap(AdapterCase):
    def given(self) -> Dict[str, Any]:
        return {}

    def test_operations_of_two_micro_batches(self) -> None:
        class ExecutionOperation:
            def __init__(self, debug_name: str, fn: Any) -> None:
                self.debug_name, self.fn = debug_name, fn

        def _decorate_operation(operation: Any, debug_name_prefix: str) -> Any:
            return ExecutionOperation(debug_name_prefix + operation.__name__, operation)

        operations = module("sglang.srt.batch_overlap.operations", _decorate_operation=_decorate_operation)

        class Mlp:
            layer_id = 4

            def op_dispatch_a(self, state: Any) -> str:
                return "dispatched"

            def op_experts(self, state: Any) -> str:
                return "computed"

            def op_output(self, state: Any) -> str:
                raise OSError("the engine's own")

        mlp = Mlp()

        def run() -> None:
            for child in (0, 1):
                state = {"tbo_subbatch_index": child}
                for operation in (mlp.op_dispatch_a, mlp.op_experts):
                    self.got.append(operations._decorate_operation(operation, "").fn(state=state))

        self.got: List[str] = []
        runner = model_runner(run)
        adapters.enable(["sglang"])
        runner.forward(batch())
        with self.assertRaisesRegex(OSError, "the engine's own"):
            operations._decorate_operation(mlp.op_output, "").fn(state={})
        self.assertEqual(["dispatched", "computed"] * 2, self.got)
        self.assertEqual(
            [(0, stage, 4, child) for child in (0, 1) for stage in ("dispatch", "expert")],
            rows(self.probe.finish(), "dispatch", "expert"),
        )

    def test_names_of_operations(self) -> None:
        self.assertEqual(("attention", None), stage_of_operation("_forward_attn"))
        self.assertEqual(("dispatch", None), stage_of_operation("_forward_dispatch"))
        self.assertEqual(("collective", None), stage_of_operation("op_combine_b"))
        self.assertEqual(("attention", None), stage_of_operation("op_core"))
        self.assertEqual(("comm_prepare_mlp", "compute"), stage_of_operation("op_comm_prepare_mlp"))


if __name__ == "__main__":
    unittest.main()
