"""The workers' own measurements, which the probe has no part in.

Around every stage four readings of the clock are taken:

    outer start | probe.begin | inner start | the stage's work | inner end | probe.end | outer end

Whatever the probe reports for the stage cannot be shorter than the inner time nor longer than the
outer time, also where the operating system takes the processor away in between. So sums of both are
bounds that hold to the nanosecond, and their difference is what the probe cost.
"""

import time

now_ns = time.perf_counter_ns
RECEIVES = ("a2f_recv", "f2a_recv")


class Meter:
    """Runs stages, records them with the probe (None: without one), and adds up what they took."""

    def __init__(self, probe):
        self._probe = probe
        self.events = 0
        self.stamps = (0, 0)  # outer and inner start of the stage that runs
        self._stages: "dict[str, dict]" = {}
        self._steps: "list[list[int]]" = []
        self._step: "list[int]" = []
        self._receive: "list[int]" = []
        self.receives = {
            "count": 0, "innerNs": 0, "outerNs": 0, "waitLowNs": 0, "waitHighNs": 0
        }  # fmt: skip

    def use(self, probe) -> None:
        """Records with this probe from now on; None: with none."""
        self._probe = probe

    def run(self, stage: str, layer: int, microbatch: int, work, *arguments):
        """work(*arguments) answers (value, measures); the value is given back."""
        probe = self._probe
        outer = now_ns()
        mark = None if probe is None else probe.begin(stage, layer, microbatch)
        inner = now_ns()
        self.stamps = (outer, inner)
        value, measures = work(*arguments)
        inner_end = now_ns()
        if probe is not None:
            probe.end(mark, **measures)
        outer_end = now_ns()
        self._add(stage, (outer, inner, inner_end, outer_end), measures)
        return value

    def _add(self, stage: str, times: "tuple[int, int, int, int]", measures: dict) -> None:
        sums = self._stages.get(stage)
        if sums is None:
            sums = self._stages[stage] = {
                "count": 0, "innerNs": 0, "outerNs": 0, "tokens": 0, "bytes": 0, "contextTokens": 0,
                "expertTokens": [],
            }  # fmt: skip
        outer, inner, inner_end, outer_end = times
        self.events += 1
        sums["count"] += 1
        sums["innerNs"] += inner_end - inner
        sums["outerNs"] += outer_end - outer
        sums["tokens"] += measures.get("tokens", 0)
        sums["bytes"] += measures.get("bytes", 0)
        sums["contextTokens"] += measures.get("context_tokens", 0)
        counts = measures.get("expert_tokens")
        if counts is not None:
            total = sums["expertTokens"] or [0] * len(counts)
            sums["expertTokens"] = [a + b for a, b in zip(total, counts)]
        if not self._step:
            self._step = [outer, inner, inner_end, outer_end]
        self._step[2:] = [inner_end, outer_end]
        if stage in RECEIVES:
            if not self._receive:
                self._receive = [outer, inner, inner_end, outer_end]
            self._receive[2:] = [inner_end, outer_end]

    def received(self, sent: "list[tuple[int, int]]") -> None:
        """All peers' frames of one key are here; sent: when each peer began to send.

        They are one receive. Up to the start of the last send it was waiting for the peers.
        """
        outer, inner, inner_end, outer_end = self._receive
        self._receive = []
        sums = self.receives
        sums["count"] += 1
        sums["innerNs"] += inner_end - inner
        sums["outerNs"] += outer_end - outer
        earliest = max(start for start, _ in sent)
        latest = max(start for _, start in sent)
        sums["waitLowNs"] += min(max(earliest - inner, 0), inner_end - inner)
        sums["waitHighNs"] += min(max(latest - outer, 0), outer_end - outer)

    def step_done(self) -> None:
        """Ends a step: its first start and last end are kept, each as outer and inner."""
        self._steps.append(self._step)
        self._step = []

    def measurements(self) -> dict:
        return {"stages": self._stages, "receives": self.receives, "stepStamps": self._steps}
