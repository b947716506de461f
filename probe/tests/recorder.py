"""A real probe whose requests end in a list."""

from __future__ import annotations

from typing import Any, Dict, List

from afdscope_probe.probe import Probe
from afdscope_probe.settings import Settings
from afdscope_probe.transport import Answer


class Recorded:
    """One event as `record` was given it."""

    def __init__(self, stage: str, start: int, duration: int, **more: Any) -> None:
        self.stage, self.start_unix_ns, self.duration_ns = stage, start, duration
        self.more = more


class RecordingProbe(Probe):
    """Keeps what is recorded beside sending it nowhere; its clock has no offset to unix time."""

    def __init__(self, **environ: str) -> None:
        super().__init__(Settings.from_env(environ, role="ffn", rank=0))
        self.clock.offset_ns = 0
        self.recorded: List[Recorded] = []
        self.held: Dict[int, int] = {}
        self.exporter._transport.post = lambda *_: Answer(200, {}, b"")  # type: ignore[method-assign]

    def record(self, stage: str, start_unix_ns: int, duration_ns: int, layer: int = -1,
               microbatch: int = -1, **more: Any) -> None:  # type: ignore[override]
        self.recorded.append(
            Recorded(stage, start_unix_ns, duration_ns, layer=layer, microbatch=microbatch, **more)
        )

    def hold_step(self, step: int, domain: Any = None) -> None:
        self.held[step] = self.held.get(step, 0) + 1
        super().hold_step(step, domain)

    def release_step(self, step: int, domain: Any = None) -> None:
        self.held[step] -= 1
        super().release_step(step, domain)
