"""`with probe.step(...)` and `with probe.stage(...)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Optional

if TYPE_CHECKING:
    from .probe import Probe


class StageContext:
    """One stage event; may be entered once at a time."""

    __slots__ = ("_probe", "_stage", "_layer", "_microbatch", "_fields", "_mark")

    def __init__(
        self, probe: "Probe", stage: str, layer: int, microbatch: int, fields: Dict[str, Any]
    ) -> None:
        self._probe = probe
        self._stage = stage
        self._layer = layer
        self._microbatch = microbatch
        self._fields = fields
        self._mark = -1

    def __enter__(self) -> "StageContext":
        self._mark = self._probe.begin(self._stage, self._layer, self._microbatch)
        return self

    def __exit__(self, *_: object) -> None:
        self._probe.end(self._mark, **self._fields)


class StepContext:
    """One step."""

    __slots__ = ("_probe", "_step", "_phase", "_domain")

    def __init__(self, probe: "Probe", step: int, phase: str, domain: Optional[int]) -> None:
        self._probe = probe
        self._step = step
        self._phase = phase
        self._domain = domain

    def __enter__(self) -> "StepContext":
        self._probe.begin_step(self._step, self._phase, self._domain)
        return self

    def __exit__(self, *_: object) -> None:
        # Its own alone: another task may have begun one meanwhile.
        self._probe.end_step(self._step, self._domain)
