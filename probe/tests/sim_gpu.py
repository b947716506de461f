"""A GPU as CUDA shows it to a program: streams that run by themselves, events that keep the device's
clock, differences as float32 milliseconds. Time passes by calls and by `sleep_ns`; nothing is waited for."""

from __future__ import annotations

import random
import struct
from typing import Any, Dict, Hashable, List, Optional


def float32(value: float) -> float:
    return struct.unpack("<f", struct.pack("<f", value))[0]


class SimEvent:
    def __init__(self, external: bool = False) -> None:
        self.external = external
        #: When the stream reaches it, host nanoseconds; None: never recorded.
        self.due_ns: Optional[float] = None
        #: Records of this event that lie in the future, by a graph that was launched.
        self.later: List[float] = []
        self.captured = False


class SimGraph:
    """(kind, value) in order: ("work", ns) and ("record", event)."""

    def __init__(self) -> None:
        self.nodes: List[Any] = []


class SimGpu:
    """A Device (afdscope_probe/gpu/device.py). `perf_ns` is the host's clock, and is true time here."""

    def __init__(
        self,
        seed: int = 0,
        drift: float = 0.0,
        offset_ns: float = 0.0,
        resolution_ns: float = 500.0,
        launch_ns: float = 4000.0,
        jitter_ns: float = 3000.0,
        call_ns: float = 800.0,
    ) -> None:
        self.random = random.Random(seed)
        self.now_ns = 1_000_000_000.0
        self.drift = drift
        self.offset_ns = offset_ns
        self.resolution_ns = resolution_ns
        self.launch_ns = launch_ns
        self.jitter_ns = jitter_ns
        self.call_ns = call_ns
        self.stream: Hashable = 7
        self.free_at_ns: Dict[Hashable, float] = {}
        self.capturing: Optional[SimGraph] = None
        self.graph_events = True
        self.broken = False
        self.initialised = True
        self.asides_block = False
        self.calls: Dict[str, int] = {}

    # Time.

    def perf_ns(self) -> int:
        self.now_ns += self.random.uniform(20, 60)
        return int(self.now_ns)

    def sleep_ns(self, ns: float) -> None:
        self.now_ns += ns

    def device_ns(self, host_ns: float) -> float:
        """The device's clock: host = device * (1 + drift) + offset, kept to its resolution."""
        exact = (host_ns - self.offset_ns) / (1 + self.drift)
        return exact // self.resolution_ns * self.resolution_ns

    def _called(self, name: str) -> None:
        self.calls[name] = self.calls.get(name, 0) + 1
        if self.broken:
            raise RuntimeError("CUDA error: device-side assert triggered")
        self.now_ns += self.random.uniform(0.5, 1.5) * self.call_ns

    def _reached_ns(self, stream: Hashable) -> float:
        arrives = self.now_ns + self.launch_ns + self.random.expovariate(1 / self.jitter_ns)
        return max(arrives, self.free_at_ns.get(stream, 0.0))

    # What a worker does.

    def work(self, ns: float, stream: Optional[Hashable] = None) -> "tuple[float, float]":
        """Queues a kernel; (start, end) on the host's clock, which a worker never learns."""
        if self.capturing is not None:
            self.capturing.nodes.append(("work", ns))
            return 0.0, 0.0
        stream = self.stream if stream is None else stream
        self._called("launch")
        start = self._reached_ns(stream)
        self.free_at_ns[stream] = start + ns
        return start, start + ns

    def replay(self, graph: SimGraph) -> "list[tuple[float, float]]":
        """Queues a captured graph; the kernels' true times."""
        self._called("replay")
        at = self._reached_ns(self.stream)
        spans = []
        for kind, value in graph.nodes:
            if kind == "work":
                spans.append((at, at + value))
                at += value
            else:
                value.later.append(at)
                at += 50.0
        self.free_at_ns[self.stream] = at
        return spans

    # Device.

    def ready(self) -> bool:
        return self.initialised

    def new_event(self) -> SimEvent:
        self._called("new_event")
        return SimEvent()

    def new_graph_event(self) -> SimEvent:
        if not self.graph_events:
            from afdscope_probe.gpu.device import GraphEventsUnsupported

            raise GraphEventsUnsupported("no events inside of graphs here")
        return SimEvent(external=True)

    def record(self, event: SimEvent) -> Hashable:
        self._called("record")
        if self.capturing is not None:
            if not event.external:
                event.captured = True
                raise RuntimeError("an ordinary event in a capture has no time")
            self.capturing.nodes.append(("record", event))
            return self.stream
        event.due_ns = self._reached_ns(self.stream)
        self.free_at_ns[self.stream] = max(self.free_at_ns.get(self.stream, 0.0), event.due_ns)
        return self.stream

    def record_aside(self, event: SimEvent) -> None:
        self._called("record_aside")
        event.due_ns = self._reached_ns("aside") + (1e12 if self.asides_block else 0.0)

    def is_done(self, event: SimEvent) -> bool:
        self._called("is_done")
        return self._is_done(event)

    def _is_done(self, event: SimEvent) -> bool:
        if event.captured:
            raise RuntimeError("CUDA error: operation not permitted on an event last recorded in a capture")
        passed = [at for at in event.later if at <= self.now_ns]
        if passed:
            event.due_ns = passed[-1]
            event.later = [at for at in event.later if at > self.now_ns]
        return event.due_ns is not None and event.due_ns <= self.now_ns

    def elapsed_ms(self, start: SimEvent, end: SimEvent) -> float:
        self._called("elapsed")
        if not self._is_done(start) or not self._is_done(end):
            raise RuntimeError("CUDA error: device not ready")
        assert start.due_ns is not None and end.due_ns is not None
        return float32((self.device_ns(end.due_ns) - self.device_ns(start.due_ns)) / 1e6)

    def is_capturing(self) -> bool:
        return self.capturing is not None

    def enter_thread(self) -> bool:
        return True
