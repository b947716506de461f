"""vLLM's AFD in its generations, a step of each."""

from __future__ import annotations

import sys
import threading
import types
import unittest
from typing import Any, List

from afdscope_probe import adapters
from afdscope_probe.adapters import vllm_afd

from . import vllm_engines as engines
from .keeping import AdapterCase, Event, Tensor, module, start


def rows(events: List[Event], *stages: str) -> List[Any]:
    return [
        (event.step, event.stage, event.layer, event.microbatch)
        for event in events
        if not stages or event.stage in stages
    ]


class Current(AdapterCase):
    def attention(self) -> Any:
        engine = engines.current()
        return engine.attention.AFDAttentionModelRunner(
            engines.echo(engine.gpu.P2pNcclAFDConnector("attention", 1, engines.Wire()))
        )

    def test_the_attention_side(self) -> None:
        runner = self.attention()
        adapters.enable(["vllm"])
        self.assertEqual("tokens", runner.execute_model(engines.scheduled(a=1, b=1)))
        runner.execute_model(engines.scheduled(a=1, b=5))
        events = self.probe.finish()
        expected = [(step, "host", -1, -1) for step in (0,)]
        for layer in range(3):
            expected += [(0, stage, layer, 0) for stage in ("attention", "a2f_send", "f2a_recv")]
        self.assertEqual(expected, rows([event for event in events if event.step == 0]))
        for before, after in zip(events, events[1:]):
            if before.step == after.step:
                self.assertLessEqual(before.start, before.end)
                self.assertLessEqual(before.end, after.start)
        by_stage = {event.stage: event for event in events if event.step == 0 and event.layer == 2}
        self.assertEqual((1, 4, 4 * 8 * 2), (by_stage["a2f_send"].peer, by_stage["a2f_send"].tokens, by_stage["a2f_send"].more["bytes"]))
        self.assertEqual(1, by_stage["f2a_recv"].peer)
        self.assertEqual({"tokens": 4, "requests": 2, "context_tokens": 302}, by_stage["attention"].more)
        self.assertEqual({"decode", "mixed"}, {event.phase for event in events})
        self.assertEqual({"mixed"}, {event.phase for event in events if event.step == 1})
        self.assertEqual([], self.log)

    def test_two_micro_batches_in_one_thread(self) -> None:
        runner = self.attention()
        adapters.enable(["vllm"])
        for _ in range(2):
            runner.execute_model(engines.scheduled(stages=2, a=1, b=1))
        events = self.probe.finish()
        self.assertEqual(
            [(step, "attention", layer, mb) for step in (0, 1) for layer in range(3) for mb in (0, 1)],
            rows(events, "attention"),
        )
        self.assertEqual({4, 5}, {event.tokens for event in events if event.stage == "attention"})

    def test_two_micro_batches_on_their_threads(self) -> None:
        class UBatchContext:
            def __init__(self, id: int) -> None:
                self.id = id

            def __enter__(self) -> Any:
                return self

            def __exit__(self, *_: Any) -> None:
                pass

        ubatching = module("vllm.v1.worker.ubatching", UBatchContext=UBatchContext)
        runner = self.attention()
        connector = runner.connector
        adapters.enable(["vllm"])
        turns = [threading.Semaphore(0), threading.Semaphore(0)]
        sent = engines.echo(connector).exchange

        def exchange(stage: int) -> None:  # the other ubatch has its turn inside of the exchange
            sent(stage)
            turns[1 - stage].release()
            turns[stage].acquire(timeout=30)

        connector.exchange = exchange

        def ubatch(stage: int) -> None:
            turns[stage].acquire(timeout=30)
            with ubatching.UBatchContext(stage):
                for proxy in runner.proxies:
                    proxy(connector, stage, Tensor(4 + stage))
            turns[1 - stage].release()

        def run(payload: Any) -> None:
            connector.control_plane.send_dp_metadata_list(payload)
            threads = [threading.Thread(target=ubatch, args=(stage,)) for stage in (0, 1)]
            for thread in threads:
                thread.start()
            turns[0].release()
            for thread in threads:
                thread.join(30)

        runner._run = run
        runner.execute_model(engines.scheduled(stages=2, a=1, b=1))
        events = self.probe.finish()
        for microbatch in (0, 1):
            mine = [event for event in events if event.microbatch == microbatch]
            self.assertEqual(
                [(0, stage, layer, microbatch) for layer in range(3) for stage in ("attention", "a2f_send", "f2a_recv")],
                rows(mine),
            )
            self.assertEqual({4 + microbatch}, {event.tokens for event in mine if event.stage != "f2a_recv"})
        attention = sorted((event.start, event.end) for event in events if event.stage == "attention")
        for (_, end), (begin, _) in zip(attention, attention[1:]):
            self.assertLessEqual(end, begin, "one ubatch's attention lies in the other's turn")

    def test_the_ffn_side(self) -> None:
        engine = engines.current()
        wire = engines.Wire()
        runner = engine.ffn.GPUFFNModelRunner(engine.gpu.P2pNcclAFDConnector("ffn", 0, wire))
        adapters.enable(["vllm"])
        for warmup in (True, False):
            wire.control.append(engines.ControlPayload({0: None, 1: None}, is_warmup=warmup))
            for stage in (0, 1):
                wire.to_ffn[stage] = engines.deque(Tensor(4 + stage) for _ in range(3))
            runner.run_once()
        events = self.probe.finish()
        expected = []
        for layer in range(3):
            for microbatch in (0, 1):
                compute = "dense" if layer == 0 else "expert"
                expected += [(1, stage, layer, microbatch) for stage in ("a2f_recv", compute, "f2a_send")]
        self.assertEqual(expected, rows([event for event in events if event.step == 1]))
        self.assertEqual({0: "warmup", 1: "decode"}, {event.step: event.phase for event in events})
        self.assertEqual({4, 5}, {event.tokens for event in events})
        self.assertEqual({0}, {event.peer for event in events if event.stage != "expert" and event.stage != "dense"})
        self.assertEqual(0, self.probe.unended)

    def test_the_layer_and_the_tensor_by_name_or_by_type(self) -> None:
        class Model:
            def compute_ffn_output(self, hidden_states: Any, layer_idx: int, **kwargs: Any) -> Any:
                return hidden_states

        model = module("afd_plugin.model_executor.models.other", Model=Model).Model()
        adapters.enable(["vllm"])
        model.compute_ffn_output(hidden_states=Tensor(3), layer_idx=7, group_list_type=1)
        model.compute_ffn_output(Tensor(4), 8, group_list_type=1)
        self.assertEqual([(7, 3), (8, 4)], [(event.layer, event.tokens) for event in self.probe.finish()])

    def test_both_sides_number_the_same_steps(self) -> None:
        engine = engines.current()
        wire = engines.Wire()
        attention = engines.echo(engine.gpu.P2pNcclAFDConnector("attention", 0, wire))
        adapters.enable(["vllm"])
        runner = engine.attention.AFDAttentionModelRunner(attention)
        runner._dummy_run(4)
        runner._dummy_run(4, is_graph_capturing=True)
        runner.execute_model(engines.scheduled(a=1))
        seen = {event.step: event.phase for event in self.probe.finish()}
        self.assertEqual({0: "warmup", 1: "capture", 2: "decode"}, seen)
        self.assertEqual(3, len(wire.control))

    def test_a_step_that_is_one_graph(self) -> None:
        class CUDAGraph:
            replays = 0

            def replay(self) -> None:
                CUDAGraph.replays += 1

        graphs = module("torch.cuda.graphs", CUDAGraph=CUDAGraph)
        engine = engines.current()
        wire = engines.Wire()
        runner = engine.ffn.GPUFFNModelRunner(engine.gpu.P2pNcclAFDConnector("ffn", 0, wire))
        adapters.enable(["vllm"])
        runner.replay = graphs.CUDAGraph().replay
        graphs.CUDAGraph().replay()  # of something else, outside of a step
        wire.control.append(engines.ControlPayload({0: None}, is_graph_replaying=True))
        runner.run_once()
        self.assertEqual(2, graphs.CUDAGraph.replays)
        self.assertEqual([(0, "graph_replay", -1, -1)], rows(self.probe.finish()))
        self.assertEqual("host", self.probe.events[0].kind)

    def test_attention_that_is_its_own_call_and_exchanges_that_come_a_layer_later(self) -> None:
        engine = engines.current()

        class AFDNPUDecoderLayer:
            def __init__(self, layer_idx: int) -> None:
                self.layer_idx = layer_idx

            def compute_attn_output(
                self, positions: Any, hidden_states: Any, residual: Any, llama_4_scaling: Any = None
            ) -> Any:
                return hidden_states, residual, None, None, None

        models = module("afd_plugin.model_executor.models.npu.deepseek_v4", AFDNPUDecoderLayer=AFDNPUDecoderLayer)
        connector = engines.echo(engine.gpu.P2pNcclAFDConnector("attention", 0, engines.Wire()))
        adapters.enable(["vllm"])
        connector.control_plane.send_dp_metadata_list(engines.ControlPayload({0: None, 1: None}))
        layers = [models.AFDNPUDecoderLayer(index) for index in range(2)]
        for layer in layers:
            for stage in (0, 1):
                if layer.layer_idx > 0:
                    connector.recv_ffn_output(ref_tensor=Tensor(4), ubatch_idx=stage)
                layer.compute_attn_output(None, Tensor(4), None)
                context = engines.Context(engines.Metadata(layer.layer_idx, stage, [4]))
                connector.send_attn_output(Tensor(4), context, topk_ids=None)
                connector.exchange(stage)
        for stage in (0, 1):
            connector.recv_ffn_output(ref_tensor=Tensor(4), ubatch_idx=stage)
        events = self.probe.finish()
        for stage in ("attention", "a2f_send", "f2a_recv"):
            self.assertEqual([(0, stage, layer, mb) for layer in (0, 1) for mb in (0, 1)], rows(events, stage))

    def test_exceptions_are_the_engines(self) -> None:
        runner = self.attention()
        adapters.enable(["vllm"])
        runner.connector.control_plane.send_dp_metadata_list(engines.ControlPayload({0: None}))
        context = engines.Context(engines.Metadata(0, 0, [99]))
        with self.assertRaisesRegex(ValueError, "^shape$"):
            runner.connector.send_attn_output(Tensor(4), context)
        with self.assertRaises(KeyError):
            runner.connector.recv_ffn_output(Tensor(4), 7)
        self.assertEqual([], self.log)

    def test_metadata_of_an_unknown_shape_disables_only_its_hook(self) -> None:
        runner = self.attention()
        connector = runner.connector
        adapters.enable(["vllm"])
        connector.control_plane.send_dp_metadata_list(engines.ControlPayload({0: None}))
        for _ in range(3):
            with self.assertRaises(AttributeError):
                connector.send_attn_output(Tensor(4), engines.Odd())
        self.assertEqual(1, len(self.log), self.log)
        self.assertIn("no argument has layer_idx and stage_idx", self.log[0])
        connector.wire.to_attention[0] = engines.deque([Tensor(4)])
        connector.recv_ffn_output(Tensor(4), ubatch_idx=0)
        self.assertIn("f2a_recv", [event.stage for event in self.probe.finish()])
        self.assertIn("switched off: vllm send_attn_output", adapters.report()["vllm"])

    def test_a_mistake_switches_the_adapter_off_and_nothing_else(self) -> None:
        runner = self.attention()
        adapters.enable(["vllm", "generic"])
        self.probe.begin_step = None  # type: ignore[method-assign, assignment]
        self.assertEqual("tokens", runner.execute_model(engines.scheduled(a=1)))
        self.assertEqual("tokens", runner.execute_model(engines.scheduled(a=1)))
        self.assertEqual(1, len(self.log), self.log)
        self.assertIn("switched off", adapters.report()["vllm"])
        self.assertNotIn("switched off", adapters.report()["generic"])

    def test_twice_is_once_and_disabling_restores_the_objects(self) -> None:
        runner = self.attention()
        connector = type(runner.connector)
        before = {name: connector.__dict__[name] for name in ("send_attn_output", "recv_ffn_output", "init_afd_connector")}
        proxy = sys.modules["afd_plugin.model_executor.models.deepseek_v2"].RemoteFFNProxy
        exchange = proxy.__dict__["_send_and_receive"]
        adapters.enable(["vllm"])
        adapters.enable()
        runner.execute_model(engines.scheduled(a=1))
        self.assertEqual(3, len(rows(self.probe.finish(), "a2f_send")))
        adapters.disable()
        for name, function in before.items():
            self.assertIs(function, connector.__dict__[name])
        self.assertIs(exchange, proxy.__dict__["_send_and_receive"])
        self.assertNotIn("__init_subclass__", sys.modules["afd_plugin.connectors.base"].AFDConnectorBase.__dict__)
        runner.execute_model(engines.scheduled(a=1))
        self.assertEqual(3, len(rows(self.probe.finish(), "a2f_send")))

    def test_enabled_before_the_engine_is_imported(self) -> None:
        adapters.enable(["vllm"])
        self.assertEqual({"waiting for import"}, set(adapters.report()["vllm"].values()))
        runner = self.attention()
        for name in [name for name in sys.modules if name.startswith("afd_plugin.")]:
            from afdscope_probe.adapters import imports

            imports._arrived(name, sys.modules[name])  # what the finder's loader does after an import
        runner.execute_model(engines.scheduled(a=1))
        self.assertEqual(9, len(rows(self.probe.finish(), "attention", "a2f_send", "f2a_recv")))

    def test_without_the_engine_it_is_silent(self) -> None:
        report = adapters.enable()
        self.assertEqual(set(adapters.NAMES), set(report))
        self.assertEqual([], self.log)

    def test_a_connector_says_who_the_worker_is(self) -> None:
        told: List[Any] = []
        engine = engines.current()
        adapters.enable(["vllm"], told=told.append)
        connector = engine.gpu.P2pNcclAFDConnector("ffn", 1, engines.Wire())
        connector.init_afd_connector()
        self.assertEqual(
            {
                "role": "ffn", "rank": 1, "topology": "2A2F", "microbatches": 2, "layers": 3,
                "model": "deepseek", "connector": "P2pNcclAFDConnector",
                "resource": {"afd.send_mode": "rendezvous"},
            },
            told[0],
        )


class Older(AdapterCase):
    def test_the_plugins_first_versions(self) -> None:
        camp2p = engines.first_plugin()
        wire = engines.Wire()
        connector = camp2p.CAMP2PAFDConnector(wire)
        adapters.enable(["vllm"])
        connector.send_dp_metadata_list({0: None}, is_warmup=True)
        connector.send_dp_metadata_list({0: None, 1: None}, False, False)
        for layer in range(2):
            for stage in (0, 1):
                metadata = engines.Metadata(layer, stage, [4])
                connector.send_attn_output(Tensor(4), metadata)
                connector.recv_ffn_output(Tensor(4), metadata, stage)
        events = self.probe.finish()
        self.assertEqual(
            [(1, stage, layer, mb) for layer in (0, 1) for mb in (0, 1) for stage in ("a2f_send", "f2a_recv")],
            rows(events, "a2f_send", "f2a_recv"),
        )
        self.assertEqual({"warmup"}, {event.phase for event in events if event.step == 0})

    def test_their_ffn_side(self) -> None:
        camp2p = engines.first_plugin()
        wire = engines.Wire()
        wire.control.extend([({0: None}, True, False), ({0: None}, False, False)])
        connector = camp2p.CAMP2PAFDConnector(wire)
        adapters.enable(["vllm"])
        for _ in range(2):
            connector.recv_dp_metadata_list(timeout_ms=10)
            wire.to_ffn[0] = engines.deque((Tensor(4), engines.Metadata(layer, 0, [4])) for layer in range(2))
            for layer in range(2):
                hidden, metadata = connector.recv_attn_output(ubatch_idx=0)
                connector.send_ffn_output(hidden, metadata)
        events = self.probe.finish()
        self.assertEqual({0: "capture", 1: "decode"}, {event.step: event.phase for event in events})
        self.assertEqual([(1, "a2f_recv", 0, 0), (1, "a2f_recv", 1, 0)], sorted(rows([e for e in events if e.step == 1], "a2f_recv")))
        self.assertEqual([(1, "f2a_send", 0, 0), (1, "f2a_send", 1, 0)], rows([e for e in events if e.step == 1], "f2a_send"))

    def test_inside_vllm_steps_are_told_by_layers_that_start_over(self) -> None:
        engine = engines.in_tree()
        connector = engine.connectors.StepMeshAFDConnector()
        adapters.enable(["vllm"])
        for _ in range(2):
            for layer in range(3):
                for stage in (0, 1):
                    connector.send_attn_output(Tensor(4), engines.Metadata(layer, stage, [4]))
                for _ in (0, 1):
                    connector.recv_ffn_output()
        events = self.probe.finish()
        for stage in ("a2f_send", "f2a_recv"):
            self.assertEqual(
                [(step, stage, layer, mb) for step in (0, 1) for layer in range(3) for mb in (0, 1)],
                sorted(rows(events, stage)),
            )

    def test_inside_vllm_the_ffn_side_learns_the_layer_from_the_computation(self) -> None:
        engine = engines.in_tree()
        connector = engine.connectors.StepMeshAFDConnector()
        model = engine.models.Step3TextForCausalLM()
        adapters.enable(["vllm"])
        for _ in range(2):
            for layer in range(2):
                hidden, metadata = connector.recv_attn_output()
                connector.send_ffn_output(model.compute_ffn_output(layer, hidden), metadata)
        self.assertEqual(4, connector.served)
        events = self.probe.finish()
        for stage in ("a2f_recv", "expert", "f2a_send"):
            self.assertEqual([0, 1, 0, 1], [event.layer for event in events if event.stage == stage], stage)
        self.assertEqual({6}, {event.tokens for event in events})


class Auto(AdapterCase):
    def test_the_connector_starts_the_probe_and_the_environment_wins(self) -> None:
        from unittest import mock

        start._probe = start._NULL
        variables = {
            "OTEL_RESOURCE_ATTRIBUTES": "afd.topology=8A4F",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
            "AFDSCOPE_PROBE_ADAPTERS": "vllm",
        }
        engine = engines.current()
        with mock.patch.dict("os.environ", variables):
            sys.modules.pop("afdscope_probe.auto", None)
            from afdscope_probe import auto

            self.assertFalse(start.get_probe().enabled)
            self.assertEqual({"vllm"}, set(adapters.report()))
            engine.gpu.P2pNcclAFDConnector("ffn", 1, engines.Wire()).init_afd_connector()
            auto.told({"role": "attention"})
        probe = start.get_probe()
        self.addCleanup(start.stop, 0.0)
        self.assertTrue(probe.enabled)
        resource = probe.settings.resource
        self.assertEqual(
            ("ffn", 1, "8A4F", "rendezvous", "host"),
            tuple(resource.get(key) for key in ("afd.role", "afd.rank", "afd.topology", "afd.send_mode", "afd.timing")),
        )

    def test_facts_of_a_connector_that_knows_little(self) -> None:
        self.assertEqual({"connector": "SimpleNamespace"}, vllm_afd.facts_of(types.SimpleNamespace()))


if __name__ == "__main__":
    unittest.main()
