"""Stages on a (simulated) GPU through the adapters: eager, and inside of CUDA graphs."""

from __future__ import annotations

import sys
import types
import unittest
from typing import Any
from unittest import mock

from afdscope_probe import adapters, gpu as probe_gpu
from afdscope_probe.adapters import guards
from afdscope_probe.gpu.timer import GpuTimer

from . import vllm_engines as engines
from .keeping import AdapterCase, Tensor, module, start
from .sim_gpu import SimGpu, SimGraph
from .test_adapters_vllm import rows

WORK_NS = 200_000


class OnGpu(AdapterCase):
    def setUp(self) -> None:
        super().setUp()
        self.gpu = gpu = SimGpu(3)
        self.timer = GpuTimer(self.probe, gpu, thread=False, perf_ns=gpu.perf_ns)
        patch = mock.patch.object(probe_gpu, "timer_for", lambda probe: self.timer)
        patch.start()
        self.addCleanup(patch.stop)
        for name in ("compiling", "capturing", "has_torch"):
            self.addCleanup(setattr, guards, name, getattr(guards, name))

        class CUDAGraph:
            def __init__(self) -> None:
                self.nodes = SimGraph()

            def replay(self) -> None:
                gpu.replay(self.nodes)

        class graph:
            def __init__(self, cuda_graph: Any, pool: Any = None) -> None:
                self.cuda_graph = cuda_graph

            def __enter__(self) -> None:
                gpu.capturing = self.cuda_graph.nodes

            def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
                gpu.capturing = None

        torch = module("torch")
        torch.__path__ = []  # type: ignore[attr-defined]
        torch.compiler = types.SimpleNamespace(is_compiling=lambda: False)  # type: ignore[attr-defined]
        torch.cuda = types.SimpleNamespace(  # type: ignore[attr-defined]
            is_initialized=lambda: True, is_current_stream_capturing=lambda: gpu.capturing is not None
        )
        self.graphs = module("torch.cuda.graphs", CUDAGraph=CUDAGraph, graph=graph)
        engine = engines.current()
        self.wire = engines.Wire()
        self.engine = engine

    def settle(self) -> None:
        for _ in range(100):
            self.gpu.sleep_ns(20e6)
            self.timer.poll()

    def ffn(self) -> Any:
        runner = self.engine.ffn.GPUFFNModelRunner(self.engine.gpu.P2pNcclAFDConnector("ffn", 0, self.wire))
        layer = sys.modules["afd_plugin.model_executor.models.deepseek_v2"].AFDDecoderLayer
        layer.compute_ffn_output = lambda layer, hidden_states: self.gpu.work(WORK_NS) and hidden_states
        return runner

    def announce(self, **flags: bool) -> None:
        self.wire.control.append(engines.ControlPayload({0: None, 1: None}, **flags))
        for stage in (0, 1):
            self.wire.to_ffn[stage] = engines.deque(Tensor(4 + stage) for _ in range(3))

    expected = [
        (stage, layer, mb)
        for layer in range(3) for mb in (0, 1)
        for stage in ("a2f_recv", "dense" if layer == 0 else "expert", "f2a_send")
    ]

    def check(self, step: int) -> None:
        events = [event for event in self.probe.finish() if event.step == step]
        self.assertEqual(sorted(self.expected), sorted((e.stage, e.layer, e.microbatch) for e in events))
        for event in events:
            if event.stage in ("dense", "expert"):
                self.assertLessEqual(abs(event.end - event.start - WORK_NS), 6000)
                self.assertIn(event.tokens, (4, 5))

    def test_eager_steps_have_the_devices_times(self) -> None:
        runner = self.ffn()
        adapters.enable(["vllm"])
        for _ in range(2):
            self.announce()
            runner.run_once()
            self.settle()
        self.check(1)
        self.assertEqual("cuda_event", self.probe.settings.resource["afd.timing"])
        self.assertEqual(0, self.timer._errors)

    def test_a_probe_that_starts_late_gets_its_timer(self) -> None:
        start._probe = start._NULL
        runner = self.ffn()
        adapters.enable(["vllm"])
        self.announce()
        runner.run_once()
        start._probe = self.probe
        for _ in range(2):
            self.announce()
            runner.run_once()
            self.settle()
        self.check(2)
        self.assertEqual([], self.log)

    def test_every_replay_of_a_graph_gives_its_layers(self) -> None:
        runner = self.ffn()
        adapters.enable(["vllm"])
        graph = self.graphs.CUDAGraph()
        self.announce(is_graph_capturing=True)
        payload = runner.connector.control_plane.recv_dp_metadata_list()
        with self.graphs.graph(graph):
            runner.execute_model(dp_metadata_list=payload.dp_metadata_list)
        self.assertEqual(36, sum(kind == "record" for kind, _ in graph.nodes.nodes))
        runner.replay = graph.replay
        for _ in range(3):
            self.announce(is_graph_replaying=True)
            runner.run_once()
            self.settle()
        for step in (1, 2, 3):
            self.check(step)
        self.assertEqual([], [event for event in self.probe.events if event.stage == "graph_replay"])
        self.assertEqual("cuda_graph", self.probe.settings.resource["afd.timing"])
        self.assertEqual(({}, []), ({k: v for k, v in self.probe.stats().items() if "gpu" in k and "stages" not in k}, self.log))

    def test_the_attention_side_in_a_graph(self) -> None:
        connector = engines.echo(self.engine.gpu.P2pNcclAFDConnector("attention", 0, self.wire))
        runner = self.engine.attention.AFDAttentionModelRunner(connector)
        adapters.enable(["vllm"])
        runner._dummy_run(4)  # a warmup: the layers' order is known after it
        graph = self.graphs.CUDAGraph()
        plane = connector.control_plane
        plane.send_dp_metadata_list(engines.ControlPayload({0: None}, is_graph_capturing=True))
        with self.graphs.graph(graph):
            for proxy in runner.proxies:
                self.gpu.work(WORK_NS)
                proxy(connector, 0, Tensor(4))
        for _ in range(2):
            plane.send_dp_metadata_list(engines.ControlPayload({0: None}, is_graph_replaying=True))
            graph.replay()
            self.settle()
        plane.send_dp_metadata_list(engines.ControlPayload({0: None}, is_warmup=True))
        self.settle()
        events = [event for event in self.probe.finish() if event.step == 3 and event.stage != "host"]
        self.assertEqual(
            sorted((3, stage, layer, 0) for layer in range(3) for stage in ("attention", "a2f_send", "f2a_recv")),
            sorted(rows(events)),
        )
        for event in events:
            if event.stage == "attention":
                self.assertLessEqual(abs(event.end - event.start - WORK_NS), 6000)

    def test_a_graph_that_was_captured_before_is_one_event(self) -> None:
        runner = self.ffn()
        graph = self.graphs.CUDAGraph()
        adapters.enable(["vllm"])
        runner.replay = graph.replay
        self.announce(is_graph_replaying=True)
        runner.run_once()
        self.settle()
        self.assertEqual([(0, "graph_replay", -1, -1)], rows(self.probe.finish()))


if __name__ == "__main__":
    unittest.main()
