"""Stages inside of CUDA graphs: on the expert side a whole step is one replay, without a hook for a layer.

While the graph is captured, begin and end put *event record nodes* into it (external events; torch 2.8 and
later, CUDA only). Every replay records the same events again:

    replay n     before ─ [begin end begin end …] ─ after
    replay n+1                                             before ─ [begin end …] ─ after

`before` and `after` are ordinary events of this replay. The times of replay n can be read from when its
`after` is done until replay n+1 runs. What is read later is later than `after`, or not done: such stages are
told by that, left out, and counted as `gpu_overwritten`. So a figure may be missing, but is never another
step's. A worker whose replays follow each other without a pause captures the graph twice and replays the
two in turn: each has events of its own, and a whole step of time to be read.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from .device import Device, GraphEventsUnsupported
from .timer import GpuTimer, Group, Mark, give_way

#: A stage may seem to begin this much before the replay, and end so much after it: both are rounded.
TOLERANCE_MS = 0.0011


class GraphMarks:
    """The stages of one captured graph, bound to steps as it is replayed.

        marks = GraphTimer(timer).marks()
        with torch.cuda.graph(graph), marks:
            mark = timer.begin("expert", layer, microbatch)     # or marks.begin
            ...
            timer.end(mark)

        with marks.replay(): graph.replay()
    """

    def __init__(self, timer: GpuTimer) -> None:
        self._timer = timer
        self.stages: List[Mark] = []
        self._before: Any = None

    def __enter__(self) -> "GraphMarks":
        self._timer.capture = self
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.capture = None

    def begin(self, stage: str, layer: int = -1, microbatch: int = -1, **fields: Any) -> Any:
        """Puts a record node where the captured stream is now. None where there are no such nodes."""
        event = self._node()
        if event is None:
            return None
        mark = Mark(self, event, stage, layer, microbatch, fields)
        self.stages.append(mark)
        return mark

    def end(self, mark: Any, **fields: Any) -> None:
        if mark is None or mark.ended is not None:
            return
        mark.end(self._node(), fields)

    def _node(self) -> Any:
        try:
            event = self._timer.device.new_graph_event()
        except GraphEventsUnsupported as error:
            self._timer.count("gpu_no_graph_events", 1)
            self._timer.say_once("graph events", str(error))
            return None
        self._timer.device.record(event)
        return event

    def replay(self, **fields: Any) -> "Replay":
        """Around `graph.replay()`. `fields` are the step's own (tokens, …) of every stage."""
        return Replay(self._timer, self, fields)


class Replay:
    """One replay, of the step that is open."""

    def __init__(self, timer: GpuTimer, marks: GraphMarks, fields: Dict[str, Any]) -> None:
        self._timer = timer
        self._marks = marks
        self._fields = fields
        self._group: Optional[ReplayGroup] = None

    def __enter__(self) -> "Replay":
        if self._marks.stages:
            try:
                self._group = self._begin()
            except Exception as error:
                self._timer.failed("gpu replay", error)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        group, self._group = self._group, None
        if group is None:
            return
        try:
            group.after = self._timer.new_event()
            if group.after is not None:
                self._timer.record(group, group.after)
            self._timer.submit(group, kind is None and group.after is not None)
        except Exception as error:
            self._timer.failed("gpu replay", error)

    def _begin(self) -> "Optional[ReplayGroup]":
        timer = self._timer
        before = timer.new_event() if timer.usable() else None
        if before is None:
            return None
        group = ReplayGroup(timer.open_step(), self._marks.stages, self._fields)
        group.before = before
        timer.record(group, before)
        timer.hold(group.step)
        timer.say_timing("cuda_graph")
        return group


class ReplayGroup(Group):
    """The times of one replay, which its graph's events have for a while."""

    def __init__(self, step: Any, stages: List[Mark], fields: Dict[str, Any]) -> None:
        super().__init__(step)
        self._stages = stages
        self._fields = fields
        self.before: Any = None
        self.after: Any = None

    def origin(self) -> Any:
        return self.before

    def size(self) -> int:
        return len(self._stages)

    def spans(
        self, device: Device, count: Callable[[str, int], None]
    ) -> "List[tuple[Mark, float, float]]":
        least_ms = -TOLERANCE_MS
        most_ms = device.elapsed_ms(self.before, self.after) + TOLERANCE_MS
        spans = []
        overwritten = 0
        for index, stage in enumerate(self._stages):
            give_way(index)
            if stage.ended is None:
                count("gpu_not_ended", 1)
                continue
            try:
                begun_ms = device.elapsed_ms(self.before, stage.begun)
                ended_ms = device.elapsed_ms(self.before, stage.ended)
                duration_ms = device.elapsed_ms(stage.begun, stage.ended)
                # Read again: between the readings the next replay may have come by.
                again_ms = device.elapsed_ms(self.before, stage.begun)
            except RuntimeError:
                overwritten += 1
                continue
            inside = least_ms <= begun_ms <= ended_ms + TOLERANCE_MS and ended_ms <= most_ms
            if not inside or again_ms != begun_ms:
                overwritten += 1
                continue
            mark = Mark(
                self, stage.begun, stage.stage, stage.layer, stage.microbatch,
                {**self._fields, **stage.fields},
            )
            spans.append((mark, begun_ms * 1e6, duration_ms * 1e6))
        if overwritten:
            count("gpu_overwritten", overwritten)
        return spans


class GraphTimer:
    """Makes the marks of graphs. A graph that is captured twice has two."""

    def __init__(self, timer: GpuTimer) -> None:
        self._timer = timer

    def marks(self) -> GraphMarks:
        return GraphMarks(self._timer)
