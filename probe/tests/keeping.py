"""A real probe whose steps are kept as events where they would go to the encoding thread."""

from __future__ import annotations

import importlib
import logging
import sys
import types
import unittest
from typing import Any, Dict, List, NamedTuple, Optional

from afdscope_probe import adapters
from afdscope_probe.probe import Probe
from afdscope_probe.settings import Settings
from afdscope_probe.steps import StepBuffer


#: The module; the package's name `start` is its function.
start: Any = importlib.import_module("afdscope_probe.start")


class Event(NamedTuple):
    """One event of a step, as it would be sent."""

    step: int
    phase: str
    stage: str
    layer: int
    microbatch: int
    peer: int
    kind: Optional[str]
    start: int
    end: int
    more: Dict[str, Any]

    @property
    def tokens(self) -> Any:
        return self.more.get("tokens")


class KeepingProbe(Probe):
    """Records as ever, sends nothing."""

    def __init__(self, **given: Any) -> None:
        self.events: List[Event] = []
        self.unended = 0
        super().__init__(Settings.from_env({}, role="attention", rank=0, **given))
        self.encoder.start = lambda: True  # type: ignore[method-assign, assignment]

    def _keep(self, buffer: StepBuffer) -> None:
        rows = []
        for series in buffer.all_series():
            more = {name: dict(zip(*column)) for name, column in series.more.items()}
            for row, (first, last) in enumerate(zip(series.starts, series.ends)):
                if last == 0:
                    self.unended += 1
                    continue
                fields = {name: column[row] for name, column in more.items() if row in column}
                rows.append(
                    Event(
                        buffer.step, buffer.phase, series.stage, series.layers[row], series.microbatch,
                        fields.pop("peer", series.peer), fields.pop("kind", series.kind), first, last, fields,
                    )
                )
        self.events.extend(sorted(rows, key=lambda event: event.start))

    def finish(self) -> List[Event]:
        """All events, those of the open step and of no step, too."""
        # What is not ended in no step is held once more before it goes.
        for _ in range(2):
            self._buffers.end_all()
            for buffer in self._buffers.take(True):
                self._keep(buffer)
        return self.events


class AdapterCase(unittest.TestCase):
    """Takes adapters off and modules out again; the log's warnings are in ``self.log``."""

    def setUp(self) -> None:
        self.before = set(sys.modules)
        self.path_before = list(sys.meta_path)
        self.probe = KeepingProbe(**self.given())
        start._probe = self.probe
        self.log: List[str] = []
        case = self

        class Handler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                case.log.append(record.getMessage())

        self.handler = Handler()
        self.logger = logging.getLogger("afdscope_probe")
        self.logger.addHandler(self.handler)
        self.propagate, self.logger.propagate = self.logger.propagate, False

    def given(self) -> Dict[str, Any]:
        return {}

    def tearDown(self) -> None:
        adapters.disable()
        start._probe = start._NULL
        self.logger.removeHandler(self.handler)
        self.logger.propagate = self.propagate
        for name in set(sys.modules) - self.before:
            if name.split(".")[0] in ("afd_plugin", "vllm", "sglang", "fserver_lib", "torch", "late_engine", "user_engine"):
                del sys.modules[name]
        self.assertEqual(self.path_before, sys.meta_path, "a finder stayed behind")


def module(name: str, **members: Any) -> types.ModuleType:
    """A module in ``sys.modules`` with its parents, as an import would leave it; its classes are its own."""
    parts = name.split(".")
    for count in range(1, len(parts)):
        parent = ".".join(parts[:count])
        if parent not in sys.modules:
            made = types.ModuleType(parent)
            made.__path__ = []  # type: ignore[attr-defined]
            sys.modules[parent] = made
    found = types.ModuleType(name)
    for key, value in members.items():
        if isinstance(value, type):
            value.__module__ = name
        setattr(found, key, value)
    sys.modules[name] = found
    return found


class Tensor:
    """What the adapters read of a tensor: shape, bytes, device."""

    def __init__(self, rows: int, width: int = 8, device: str = "cpu", values: Any = None) -> None:
        self.shape = (rows, width)
        self.nbytes = rows * width * 2
        self.dtype = "bfloat16"
        self.device = types.SimpleNamespace(type=device)
        self._values = values

    def tolist(self) -> Any:
        if self.device.type != "cpu":
            raise AssertionError("a device was asked")
        return self._values
