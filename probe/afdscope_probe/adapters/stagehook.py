"""What hooks that record stages have in common: the recorder, and arguments by their parameters' names."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Dict

from .record import Recorder
from .wrap import Hook

Fail = Callable[[Hook, Exception], None]


class StageHook(Hook):
    """A hook that knows where the wrapped function's parameters stand."""

    def __init__(self, recorder: Recorder, group: str, fail: Fail, function: Any) -> None:
        super().__init__(group, fail)
        self.recorder = recorder
        self.places: Dict[str, int] = {}
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):
            parameters = []
        for place, parameter in enumerate(parameters):
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                self.places[parameter.name] = place

    @property
    def in_capture(self) -> bool:
        """Seen in a graph's capture where the GPU timer marks the graph's stages."""
        return self.recorder.marks_captures

    def argument(self, args: Any, kwargs: Any, name: str) -> Any:
        """The argument of this name, wherever it was given; None where it was not."""
        if name in kwargs:
            return kwargs[name]
        place = self.places.get(name)
        return args[place] if place is not None and place < len(args) else None
