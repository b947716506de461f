"""What other parts of the probe plug into the core."""

from __future__ import annotations

from typing import Callable, Protocol, Sequence

from .otlp import Metric, PackedStep


class StepRing(Protocol):
    """Keeps the packed steps of the recent past that were not sent (mode `ring`, and beside sampling).

    `afdscope_probe.ring.Ring` is made where the mode asks for it. All calls come from the probe's own
    threads: `keep` and `due` from the encoding one, `pull` from the sending one.
    """

    @property
    def header(self) -> str:
        """What requests say in `afdscope-ring`."""

    def keep(self, step: PackedStep) -> None:
        """Takes a step that is not sent."""

    def pull(self, header: str) -> None:
        """What the answer's header `afdscope-pull` asks for is given by `due` from now on."""

    def due(self, room_bytes: int) -> Sequence[PackedStep]:
        """What is to be sent now, of at most so many payload bytes; each step once."""

    def metrics(self) -> Sequence[Metric]:
        """What it holds."""

    def clear(self) -> None:
        """Everything is forgotten."""


#: Called in the probe's encoding thread; gives metrics to send.
MetricSource = Callable[[], Sequence[Metric]]
