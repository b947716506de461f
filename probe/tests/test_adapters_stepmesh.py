"""StepMesh by itself: its calls, its traces, and its clock."""

from __future__ import annotations

import unittest
from typing import Any, Dict, List
from unittest import mock

from afdscope_probe import adapters
from afdscope_probe.adapters import stepmesh_trace

from .keeping import AdapterCase, Tensor, module
from .test_adapters_vllm import rows


class Mesh:
    """fserver_lib: handlers are numbers, times come from a clock with an own epoch and a wrong rate."""

    def __init__(self, case: AdapterCase, traced: bool) -> None:
        self.case, self.traced = case, traced
        self.handler = 0
        self.traces: Dict[int, List[int]] = {}
        self.forgotten: List[int] = []

    def mesh(self, unix_ns: int) -> int:
        return (unix_ns - 1_700_000_000_000_000_000) * 1001 // 1000

    def module(self) -> Any:
        case = self.case

        def get_nanosecond() -> int:
            return self.mesh(case.probe.now_unix_ns()) if self.traced else 0

        def push_pull(push_tensors: Any, push_keys: Any, pull_tensors: Any, pull_keys: Any) -> int:
            self.handler += 2
            start = get_nanosecond()
            self.traces[self.handler] = [start, start + 2000, 5, 7, 107, 110, start + 50_000, 0]
            return self.handler

        def wait(handler: int, timeout_ms: int = 10000) -> None:
            if handler < 0:
                raise RuntimeError("request timeout")
            self.forgotten.append(handler)

        def get_all_handlers(handler: int) -> List[int]:
            return [handler] if handler in self.forgotten else [handler, handler + 1]

        def fetch_trace(handler: int) -> List[int]:
            return self.traces.get(handler, [0] * 8) if self.traced else [0] * 8

        def get_batch() -> Any:
            self.handler += 2
            return [(self.handler, [Tensor(2)], [1]), (self.handler + 1, [Tensor(3)], [1])]

        def respond(tensors: Any, handler: int, need_event: bool = False) -> None: ...

        def respond_vec(ret_buffer: Any, tensors_vec: Any, handler_vec: Any) -> None: ...

        return module(
            "fserver_lib", get_nanosecond=get_nanosecond, push_pull=push_pull, wait=wait,
            get_all_handlers=get_all_handlers, fetch_trace=fetch_trace, get_batch=get_batch,
            respond=respond, respond_vec=respond_vec,
        )


class Calls(AdapterCase):
    def given(self) -> Dict[str, Any]:
        return {"layers": 2, "microbatches": 2}

    def attention(self, library: Any, steps: int) -> None:
        for _ in range(steps):
            under_way: List[int] = []
            for _ in range(2):
                for microbatch in range(2):
                    if len(under_way) == 2:
                        library.wait(under_way.pop(0))
                    under_way.append(library.push_pull([Tensor(4), Tensor(1)], [1, 2], [Tensor(4)], [3]))
            for handler in under_way:
                library.wait(handler)

    def test_the_attention_side_without_traces(self) -> None:
        library = Mesh(self, traced=False).module()
        adapters.enable(["stepmesh"])
        self.attention(library, 2)
        events = self.probe.finish()
        everything = [(step, layer, mb) for step in (0, 1) for layer in (0, 1) for mb in (0, 1)]
        for stage in ("a2f_send", "f2a_recv"):
            self.assertEqual(everything, sorted((e.step, e.layer, e.microbatch) for e in events if e.stage == stage))
        self.assertEqual({4}, {event.tokens for event in events if event.stage == "a2f_send"})
        self.assertIn((0, "attention", 1, 0), rows(events))
        self.assertEqual("posted", self.probe.settings.resource["afd.send_end"])
        self.assertEqual([], self.log)

    def test_sends_are_the_librarys_own_where_it_traces(self) -> None:
        mesh = Mesh(self, traced=True)
        library = mesh.module()
        adapters.enable(["stepmesh"])
        before = self.probe.now_unix_ns()
        self.attention(library, 1)
        after = self.probe.now_unix_ns()
        sends = [event for event in self.probe.finish() if event.stage == "a2f_send"]
        self.assertEqual(4, len(sends))
        for event in sends:
            start = event.start + self.probe.clock.offset_ns
            slack = 10_000 + (after - before) // 500  # the rate is wrong by 0.1 %
            self.assertTrue(before - slack <= start <= after + slack)
            self.assertTrue(1900 <= event.end - event.start <= 2100, event.end - event.start)

    def test_the_experts_own_time_is_an_estimate_that_one_asks_for(self) -> None:
        library = Mesh(self, traced=True).module()
        with mock.patch.dict("os.environ", {"AFDSCOPE_PROBE_STEPMESH_REMOTE": "1"}):
            adapters.enable(["stepmesh"])
        self.attention(library, 1)
        remote = [event for event in self.probe.finish() if event.stage == "remote_expert"]
        self.assertEqual([("wait", 100)] * 4, [(event.kind, event.end - event.start) for event in remote])

    def test_the_ffn_side(self) -> None:
        library = Mesh(self, traced=True).module()
        adapters.enable(["stepmesh"])
        for count in range(4):
            batches = library.get_batch()
            handlers = [batch[0] for batch in batches]
            if count % 2:
                library.respond_vec(Tensor(5), [batch[1][0] for batch in batches], handlers)
            else:
                for handler in handlers:
                    library.respond([Tensor(2)], handler, True)
        events = self.probe.finish()
        self.assertEqual([(0, "a2f_recv", layer, mb) for layer in (0, 1) for mb in (0, 1)], rows(events, "a2f_recv"))
        self.assertEqual([(0, "expert", layer, mb) for layer in (0, 1) for mb in (0, 1)], rows(events, "expert"))
        self.assertEqual(6, len(rows(events, "f2a_send")))
        self.assertEqual({5}, {event.tokens for event in events if event.stage == "a2f_recv"})

    def test_timeouts_come_out_and_removal_restores(self) -> None:
        library = Mesh(self, traced=True).module()
        original = library.wait
        adapters.enable(["stepmesh"])
        with self.assertRaisesRegex(RuntimeError, "request timeout"):
            library.wait(-1)
        adapters.disable()
        self.assertIs(original, library.wait)


class WithoutLayers(AdapterCase):
    def test_events_belong_to_no_step(self) -> None:
        library = Mesh(self, traced=False).module()
        adapters.enable(["stepmesh"])
        library.wait(library.push_pull([Tensor(4)], [1], [Tensor(4)], [3]))
        self.assertEqual([(-1, "a2f_send", -1, -1), (-1, "f2a_recv", -1, -1)], rows(self.probe.finish(), "a2f_send", "f2a_recv"))


class Traces(unittest.TestCase):
    VALUES = [1000, 1200, 90_000, 90_050, 90_450, 90_500, 3000, 0]

    def test_figures_subtract_times_of_one_host_only(self) -> None:
        trace = stepmesh_trace.parse(self.VALUES)
        assert trace is not None
        self.assertEqual((400, 500, 1300), (trace.ffn_process_ns, trace.server_overall_ns, trace.network_ns))
        self.assertTrue(trace.consistent)

    def test_odd_records(self) -> None:
        self.assertIsNone(stepmesh_trace.parse([0] * 8))
        with self.assertRaisesRegex(ValueError, "7 values"):
            stepmesh_trace.parse([1] * 7)
        swapped = stepmesh_trace.parse([1200, 1000, *self.VALUES[2:]])
        negative = stepmesh_trace.parse([*self.VALUES[:6], 1500, 0])
        assert swapped is not None and negative is not None
        self.assertFalse(swapped.consistent or negative.consistent)

    def test_the_clock_learns_its_rate(self) -> None:
        now = [10**18]
        clock = stepmesh_trace.MeshClock(lambda: (now[0] - 10**18 + 500) * 1012 // 1000, lambda: now[0])
        self.assertTrue(clock.read())
        now[0] += 2_000_000_000
        self.assertTrue(clock.read())
        back = (now[0] - 10**18 + 500 - 1_000_000) * 1012 // 1000
        self.assertLessEqual(abs(clock.unix(back) - (now[0] - 1_000_000)), 10)
        self.assertAlmostEqual(1000 / 1012, clock.rate, 6)
        self.assertFalse(stepmesh_trace.MeshClock(lambda: 0, lambda: now[0]).read())


if __name__ == "__main__":
    unittest.main()
