"""What other parts of the probe plug into the core."""

from __future__ import annotations

from typing import Callable, Iterable, Protocol, Sequence

from .otlp import Metric, PackedStep


class StepRing(Protocol):
    """Keeps the packed steps of the recent past that were not sent (mode `ring`, and beside sampling).

    `afdscope_probe.ring.Ring(max_bytes, keep_ns)` is made where the mode asks for it. All calls come
    from the probe's own threads: `keep` from the encoding one, `pull` from the sending one. A method
    `after_fork`, where there is one, is called in a forked child.
    """

    def keep(self, step_bytes: bytes, start_unix_ns: int, end_unix_ns: int) -> None:
        """Takes the bytes of `afd.packed` of a step that is not sent."""

    def pull(self, header: str) -> Iterable[PackedStep]:
        """What the answer's header `afdscope-pull` asks for, each step once; nothing for a pull that
        was served. The probe sends it."""


#: Called in the probe's encoding thread; gives metrics to send.
MetricSource = Callable[[], Sequence[Metric]]
