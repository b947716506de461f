"""CUDA graphs: stages inside them, where the GPU timer can mark them, else the replay as a whole.

While a graph is captured the engine's Python runs once, layer by layer. With the GPU timer, and a torch
that has external events, the stage hooks put begin and end into the graph; every replay inside a step
then gives these stages for that step. Without, a replay is one event ``graph_replay`` of kind host.
"""

from __future__ import annotations

import importlib
import weakref
from typing import Any, Callable, List

from .record import Recorder
from .stagehook import Fail
from .targets import Target, the_one
from .wrap import Hook



class Graphs:
    """Hooks on ``torch.cuda.graph`` and ``CUDAGraph.replay`` for one adapter, and the marks of its graphs."""

    def __init__(
        self,
        recorder: Recorder,
        name: str,
        fail: Fail,
        in_step: Callable[[], bool],
        captured: Callable[[], None],
    ) -> None:
        self.recorder = recorder
        self.in_step = in_step
        self.captured = captured  # called when a capture has begun
        self.now: Any = None  # the marks of the graph that is being captured
        #: Marks by graph; they end with it, so that its memory is the engine's to free.
        self.known: "weakref.WeakKeyDictionary[Any, Any]" = weakref.WeakKeyDictionary()
        self.targets: List[Target] = []
        for path, hook in (
            ("graph.__enter__", _Begin(self, f"{name} capture", fail)),
            ("graph.__exit__", _End(self, f"{name} captured", fail)),
            ("CUDAGraph.replay", _Replay(self, f"{name} replay", fail)),
        ):
            self.targets.append(Target("torch.cuda.graphs:" + path, the_one(hook)))

    def begin(self) -> None:
        timer = self.recorder.timer
        if timer is None or not self.in_step() or not hasattr(timer, "capture"):
            return
        gpu = importlib.import_module("afdscope_probe.gpu")
        self.now = gpu.GraphTimer(timer).marks()
        self.now.__enter__()
        self.captured()

    def end(self, graph: Any, whole: bool) -> None:
        marks, self.now = self.now, None
        if marks is None:
            return
        marks.__exit__(None, None, None)
        if whole and graph is not None and marks.stages:
            self.known[graph] = marks


class _GraphHook(Hook):
    def __init__(self, graphs: Graphs, group: str, fail: Fail) -> None:
        super().__init__(group, fail)
        self.graphs = graphs


class _Begin(_GraphHook):
    def enter(self, args: Any, kwargs: Any) -> Any:
        return True

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        if error is None:
            self.graphs.begin()


class _End(_GraphHook):
    @property
    def in_capture(self) -> bool:
        return True

    def enter(self, args: Any, kwargs: Any) -> Any:
        return self.graphs.now

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        failed = error is not None or (len(args) > 1 and args[1] is not None)
        self.graphs.end(getattr(args[0], "cuda_graph", None), not failed)


class _Replay(_GraphHook):
    def enter(self, args: Any, kwargs: Any) -> Any:
        graphs = self.graphs
        if not graphs.in_step():
            return None
        marks = graphs.known.get(args[0])
        if marks is None:
            return None, graphs.recorder.begin("graph_replay", -1, -1, {"kind": "host"})
        return marks.replay().__enter__(), None

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        replay, started = token
        if replay is None:
            self.graphs.recorder.end(started)
        else:
            replay.__exit__(None if error is None else type(error), error, None)
