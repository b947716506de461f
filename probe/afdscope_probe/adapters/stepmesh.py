"""StepMesh (``fserver_lib``), for code that calls it itself.

Attention: push_pull(push_tensors, push_keys, pull_tensors, pull_keys) -> handler is a2f_send, wait(handler)
is f2a_recv, what lies between wait and the next push_pull is attention. FFN: get_batch() is a2f_recv,
respond / respond_vec is f2a_send, what lies between is expert. Where ``fetch_trace`` works, a2f_send is the
library's own: from the request's start to its posting, see stepmesh_trace.py. Either way a send's end is no
arrival: the resource says ``afd.send_end=posted``.

Layer, micro-batch and step are not in the calls. With layers and microbatches in the probe's resource
(``start(layers=61, microbatches=3)``) exchanges are counted: for each layer, for each micro-batch. Both
sides count the same ones. Without them events carry no layer and belong to no step.

Inside the connectors of vLLM and SGLang those adapters record the exchange, and this one keeps still.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from . import views
from .record import Recorder, Started
from .stepmesh_trace import MeshClock, Trace, parse
from .targets import Target
from .stagehook import Fail
from .wrap import Hook, inside_of

_MODULE = "fserver_lib:"

#: Hook groups of the adapters that know more about the same exchange.
_OUTER = (
    "vllm send_attn_output",
    "vllm recv_ffn_output",
    "vllm recv_attn_output",
    "vllm send_ffn_output",
    "sglang StepMeshATTN.send",
    "sglang StepMeshATTN.recv",
    "sglang StepMeshFFN.recv",
    "sglang StepMeshFFN.send",
)


class Place(NamedTuple):
    """One exchange."""

    layer: int
    microbatch: int
    step: Optional[int]

    def fields(self) -> Dict[str, Any]:
        """As arguments of ``record``."""
        if self.step is None:
            return {"layer": self.layer, "microbatch": self.microbatch}
        return {"layer": self.layer, "microbatch": self.microbatch, "step": self.step}


class Posted(NamedTuple):
    """A push_pull that was not waited for yet."""

    place: Place
    start_unix_ns: int
    duration_ns: int
    measures: Dict[str, Any]
    handlers: List[int]


class Exchanges:
    """Counts exchanges into steps, layers and micro-batches; and remembers what is under way."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.sent = 0
        self.step = -1
        self.gap: Optional[Started] = None
        self.waiting: Dict[int, Posted] = {}  # by handler
        self.served: Dict[int, Place] = {}  # by the FFN side's handler
        self.library: Any = None
        self.clock: Optional[MeshClock] = None
        self.traced = True
        self.odd_traces = 0
        self.remote = os.environ.get("AFDSCOPE_PROBE_STEPMESH_REMOTE", "") not in ("", "0")
        self.outer = [inside_of(group) for group in _OUTER]
        self._shape: Optional[Tuple[int, int]] = None
        self._said = False

    def is_inner(self) -> bool:
        """Whether another adapter is recording this exchange."""
        return any(inside.get() for inside in self.outer)

    def next_place(self) -> Place:
        """Of the exchange that begins now. Opens its step."""
        layers, microbatches = self.shape()
        if not layers:
            return Place(-1, -1, None)
        step, rest = divmod(self.sent, layers * microbatches)
        self.sent += 1
        layer, microbatch = divmod(rest, microbatches)
        if step != self.step:
            self.step = step
            self.recorder.probe.begin_step(step, phase="decode")
        return Place(layer, microbatch, step)

    def shape(self) -> Tuple[int, int]:
        """(layers, micro-batches) as the probe's resource says; (0, 0) without."""
        if self._shape is None:
            probe = self.recorder.probe
            settings = getattr(probe, "settings", None)
            if settings is None:
                return (0, 0)
            resource = settings.resource
            layers = views.index(resource.get("afd.layers"), 0)
            self._shape = (layers, max(1, views.index(resource.get("afd.microbatches"), 1))) if layers else (0, 0)
        return self._shape

    def say_posted(self) -> None:
        """A push_pull comes back when it is queued: its end is no arrival."""
        if self._said:
            return
        self._said = True
        probe = self.recorder.probe
        settings = getattr(probe, "settings", None)
        if settings is not None and "afd.send_end" not in settings.resource:
            probe.set_resource("afd.send_end", "posted")

    def open_gap(self, stage: str) -> None:
        self.gap = self.recorder.begin_late(stage, -1, -1)

    def close_gap(self, stage: str, place: Place, tokens: Optional[int]) -> None:
        gap, self.gap = self.gap, None
        if gap is not None and gap[2] == stage:
            measures: Dict[str, Any] = {} if place.step is None else {"step": place.step}
            if tokens is not None:
                measures["tokens"] = tokens
            self.recorder.end(gap, place.layer, place.microbatch, measures)

    def trace_of(self, handlers: List[int]) -> Optional[Trace]:
        """The trace of the first request of an exchange that has one."""
        if not self.traced or self.library is None:
            return None
        if self.clock is None:
            self.clock = MeshClock(self.library.get_nanosecond, self.recorder.now)
        if not self.clock.read():
            self.traced = False
            return None
        for handler in handlers:
            trace = parse(self.library.fetch_trace(handler))
            if trace is None:
                self.traced = False
                return None
            if trace.consistent:
                return trace
            self.odd_traces += 1
        return None


class _MeshHook(Hook):
    def __init__(self, exchanges: Exchanges, group: str, fail: Fail) -> None:
        super().__init__(group, fail)
        self.exchanges = exchanges


class _PushPull(_MeshHook):
    def enter(self, args: Any, kwargs: Any) -> Any:
        mesh = self.exchanges
        if mesh.is_inner():
            return None
        tensors = args[0] if args else kwargs.get("push_tensors", ())
        tokens = views.rows(tensors[0]) if tensors else None
        place = mesh.next_place()
        mesh.close_gap("attention", place, tokens)
        sizes = [views.size_bytes(tensor) for tensor in tensors]
        measures: Dict[str, Any] = {}
        if tokens is not None:
            measures["tokens"] = tokens
        if sizes and all(size is not None for size in sizes):
            measures["bytes"] = sum(size for size in sizes if size is not None)
        return place, mesh.recorder.now(), measures

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        mesh = self.exchanges
        place, start, measures = token
        if error is not None or type(result) is not int:
            return
        mesh.say_posted()
        handlers = [result]
        every = getattr(mesh.library, "get_all_handlers", None)
        if mesh.traced and every is not None:
            handlers = list(every(result))  # asked now: wait() forgets them
        if len(mesh.waiting) > 256:  # handlers that nobody waits for
            mesh.waiting.clear()
        duration = mesh.recorder.now() - start
        if mesh.traced:
            mesh.waiting[result] = Posted(place, start, duration, measures, handlers)
        else:
            mesh.waiting[result] = Posted(place, 0, 0, {}, handlers)
            mesh.recorder.record("a2f_send", start, duration, **place.fields(), **measures)


class _Wait(_MeshHook):
    def enter(self, args: Any, kwargs: Any) -> Any:
        mesh = self.exchanges
        handler = args[0] if args else kwargs.get("handler")
        if mesh.is_inner() or handler not in mesh.waiting:
            return None
        return handler, mesh.recorder.now()

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        mesh = self.exchanges
        handler, start = token
        end = mesh.recorder.now()
        place, sent_at, duration, measures, handlers = mesh.waiting.pop(handler)
        if error is not None:
            return
        trace = mesh.trace_of(handlers)
        if sent_at:
            if trace is not None and mesh.clock is not None:
                sent_at = mesh.clock.unix(trace.a_req_start)
                duration = round((trace.a_req_sent - trace.a_req_start) * mesh.clock.rate)
            mesh.recorder.record("a2f_send", sent_at, duration, **place.fields(), **measures)
        mesh.recorder.record("f2a_recv", start, end - start, **place.fields())
        if trace is not None and mesh.remote and mesh.clock is not None:
            # The FFN's own time, put where half of the network's time is before it: an estimate.
            begin = mesh.clock.unix(trace.a_req_sent) + trace.network_ns // 2
            begin += trace.f_req_taken - trace.f_req_received
            mesh.recorder.record("remote_expert", begin, trace.ffn_process_ns, kind="wait", **place.fields())
        mesh.open_gap("attention")


class _GetBatch(_MeshHook):
    def enter(self, args: Any, kwargs: Any) -> Any:
        return None if self.exchanges.is_inner() else self.exchanges.recorder.now()

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        mesh = self.exchanges
        if error is not None or not result:
            return
        end = mesh.recorder.now()
        place = mesh.next_place()
        counts = [views.rows(batch[1][0]) for batch in result if len(batch) > 1 and batch[1]]
        tokens = sum(count for count in counts if count is not None)
        if len(mesh.served) > 1024:  # requests that nobody answers
            mesh.served.clear()
        for batch in result:
            mesh.served[batch[0]] = place
        mesh.recorder.record("a2f_recv", token, end - token, **place.fields(), tokens=tokens)
        mesh.open_gap("expert")


class _Respond(_MeshHook):
    """respond(tensors, handler, need_event) and respond_vec(ret_buffer, tensors_vec, handler_vec)"""

    def __init__(self, exchanges: Exchanges, group: str, fail: Fail, place: int, keyword: str) -> None:
        super().__init__(exchanges, group, fail)
        self._place = place
        self._keyword = keyword

    def enter(self, args: Any, kwargs: Any) -> Any:
        mesh = self.exchanges
        if mesh.is_inner():
            return None
        handlers = args[self._place] if len(args) > self._place else kwargs.get(self._keyword)
        if isinstance(handlers, int):
            handlers = (handlers,)
        places = [mesh.served.pop(handler) for handler in handlers or () if handler in mesh.served]
        if not places:
            return None
        mesh.close_gap("expert", places[0], None)
        return places[0], mesh.recorder.now()

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        mesh = self.exchanges
        place, start = token
        mesh.recorder.record("f2a_send", start, mesh.recorder.now() - start, **place.fields())


class StepMeshAdapter:
    """``fserver_lib`` as a module; its functions are replaced in it while the adapter is on."""

    name = "stepmesh"

    def __init__(self, recorder: Recorder, fail: Fail, told: Callable[[Dict[str, Any]], None]) -> None:
        self.exchanges = Exchanges(recorder)
        self.targets: List[Target] = []
        hooks: Dict[str, Hook] = {
            "push_pull": _PushPull(self.exchanges, "stepmesh push_pull", fail),
            "wait": _Wait(self.exchanges, "stepmesh wait", fail),
            "get_batch": _GetBatch(self.exchanges, "stepmesh get_batch", fail),
            "respond": _Respond(self.exchanges, "stepmesh respond", fail, 1, "handler"),
            "respond_vec": _Respond(self.exchanges, "stepmesh respond", fail, 2, "handler_vec"),
        }
        for name, hook in hooks.items():
            self.targets.append(Target(_MODULE + name, self._maker(hook)))

    def _maker(self, hook: Hook) -> Callable[[Any, str], Hook]:
        def make(owner: Any, name: str) -> Hook:
            self.exchanges.library = self.exchanges.library or owner
            return hook

        return make
