"""Checks the GPU timing on a machine with torch and an NVIDIA GPU; prints one JSON object.

    python3 probe/gpu_check.py [--steps 60] [--layers 61]

    agreement    each stage's time by events against the span of its kernels by torch.profiler, of the same
                 steps; holds within 2 us or 1 %
    hostClock    each stage lies between the host times before its launch and after a synchronisation
    slowdown     median time of a step with and without the timer, in turn; holds up to 1 %
    graph        the same for a captured graph with and without record nodes, and its agreement
    cost         host time of begin + end and of next

Exit code 0: all hold; 1: something does not; 2: there is no GPU to check on.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parent))

from afdscope_probe.gpu.device import TorchDevice, exchange_capture_mode
from afdscope_probe.gpu.graph import GraphTimer
from afdscope_probe.gpu.timer import GpuTimer
from afdscope_probe.probe import Probe
from afdscope_probe.settings import Settings

KERNELS_PER_STAGE = 2
Key = Tuple[int, int]


class Keeper(Probe):
    """A probe that keeps what is recorded and sends nothing."""

    def __init__(self) -> None:
        super().__init__(Settings.from_env({}, role="ffn", rank=0, endpoint="http://127.0.0.1:9"))
        self.kept: Dict[Key, Tuple[int, int]] = {}

    def record(self, stage: str, start_unix_ns: int, duration_ns: int, layer: int = -1,
               microbatch: int = -1, step: int = -1, **_: Any) -> None:  # type: ignore[override]
        self.kept[(step, layer)] = (start_unix_ns, duration_ns)


class Bench:
    """A step is `layers` stages of two matrix products each."""

    def __init__(self, torch: Any, layers: int, thread: bool) -> None:
        self.torch = torch
        self.layers = layers
        self.probe = Keeper()
        self.device = TorchDevice(torch, torch.cuda.current_device())
        self.timer = GpuTimer(self.probe, self.device, thread=thread)
        size = 2048
        self.a = torch.randn(size, size, device="cuda", dtype=torch.float16)
        self.b = torch.randn(size, size, device="cuda", dtype=torch.float16)
        self.out = torch.empty_like(self.a)

    def stage(self) -> None:
        for _ in range(KERNELS_PER_STAGE):
            self.torch.mm(self.a, self.b, out=self.out)

    def timed(self) -> None:
        timer = self.timer
        for layer in range(self.layers):
            mark = timer.begin("expert", layer, 0)
            self.stage()
            timer.end(mark)

    def plain(self) -> None:
        for _ in range(self.layers):
            self.stage()

    def one(self, step: int, run: Any) -> float:
        """Seconds of one step, which the device has ended."""
        begun = time.perf_counter()
        self.probe.begin_step(step)
        run()
        self.probe.end_step()
        self.torch.cuda.synchronize()
        return time.perf_counter() - begun

    def resolve(self) -> None:
        for _ in range(100):
            time.sleep(0.02)
            self.timer.poll()
            if not self.timer._closed and self.timer._group is None:
                return


def profiled(bench: Bench, steps: range, run: Any) -> List[Tuple[float, float]]:
    """(start, end) in us of every kernel of these steps, in order."""
    torch = bench.torch
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as prof:
        for step in steps:
            # A kernel that spins first: the stages are queued whole before the first of them runs.
            torch.cuda._sleep(20_000_000)
            bench.one(step, run)
    kernels = [
        (event.time_range.start, event.time_range.end)
        for event in prof.events()
        if str(event.device_type).endswith("CUDA")
        and not any(word in event.name for word in ("spin", "sleep", "Memset", "Memcpy", "Event"))
    ]
    return sorted(kernels)


def agreement(bench: Bench, steps: range, run: Any) -> Dict[str, Any]:
    bench.probe.kept.clear()
    kernels = profiled(bench, steps, run)
    bench.resolve()
    wanted = len(steps) * bench.layers
    if len(kernels) % wanted != 0 or len(bench.probe.kept) != wanted:
        return {"holds": False, "why": f"{len(kernels)} kernels and {len(bench.probe.kept)} stages of {wanted}"}
    each = len(kernels) // wanted
    off_ns: List[float] = []
    outside = 0
    for index, key in enumerate(sorted(bench.probe.kept)):
        mine = kernels[index * each : (index + 1) * each]
        theirs_ns = (mine[-1][1] - mine[0][0]) * 1000
        difference = bench.probe.kept[key][1] - theirs_ns
        off_ns.append(difference)
        outside += abs(difference) > max(2000.0, 0.01 * theirs_ns)
    return {
        "holds": outside == 0,
        "stages": wanted,
        "outside": outside,
        "differenceNs": {
            "p50": statistics.median(off_ns),
            "min": min(off_ns),
            "max": max(off_ns),
        },
    }


def host_clock(bench: Bench, steps: range) -> Dict[str, Any]:
    bounds: Dict[int, Tuple[int, int]] = {}
    bench.probe.kept.clear()
    errors = []
    for step in steps:
        before = bench.probe.now_unix_ns()
        bench.one(step, bench.timed)
        bounds[step] = (before, bench.probe.now_unix_ns())
        bench.resolve()
        errors.append(bench.timer.clock_error_ns)
        time.sleep(0.2)
    outside = sum(
        not (bounds[step][0] - errors[-1] <= start and start + duration <= bounds[step][1] + errors[-1])
        for (step, _), (start, duration) in bench.probe.kept.items()
    )
    least, most = bench.timer._anchors.calibration.drift
    return {
        "holds": outside == 0 and len(bench.probe.kept) > 0,
        "stages": len(bench.probe.kept),
        "outside": outside,
        "errorNs": {"first": errors[0], "last": errors[-1]},
        "driftPpm": [least * 1e6, most * 1e6],
        "conflicts": bench.timer._anchors.calibration.conflicts,
    }


def slowdown(bench: Bench, plain: Any, timed: Any, steps: int) -> Dict[str, Any]:
    times: Dict[str, List[float]] = {"plain": [], "timed": []}
    for step in range(steps * 2):
        name, run = ("plain", plain) if step % 2 == 0 else ("timed", timed)
        times[name].append(bench.one(10_000 + step, run) * 1e3)
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratio = medians["timed"] / medians["plain"] - 1
    return {"holds": ratio <= 0.01, "stepMs": medians, "slowdownRatio": ratio}


def graphs(bench: Bench, steps: int) -> Dict[str, Any]:
    torch = bench.torch
    bench.plain()
    torch.cuda.synchronize()
    bare, marked = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
    with torch.cuda.graph(bare):
        bench.plain()
    marks = GraphTimer(bench.timer).marks()
    with torch.cuda.graph(marked), marks:
        bench.timed()
    if not marks.stages:
        return {"holds": False, "why": "this torch has no events inside of graphs"}

    def replay() -> None:
        with marks.replay():
            marked.replay()

    agreed = agreement(bench, range(20_000, 20_000 + 10), replay)
    slower = slowdown(bench, bare.replay, replay, steps)
    return {
        "holds": agreed["holds"] and slower["holds"],
        "agreement": agreed,
        "slowdown": slower,
        "overwritten": bench.probe.counters.get("gpu_overwritten"),
    }


def cost(bench: Bench) -> Dict[str, float]:
    timer = bench.timer
    bench.probe.begin_step(90_000)
    begun = time.perf_counter()
    for layer in range(1000):
        timer.end(timer.begin("expert", layer, 0))
    pairs_s = time.perf_counter() - begun
    mark = timer.begin("expert", 0, 1)
    begun = time.perf_counter()
    for layer in range(1000):
        mark = timer.next(mark, "expert", layer, 1)
    next_s = time.perf_counter() - begun
    timer.end(mark)
    bench.probe.end_step()
    bench.torch.cuda.synchronize()
    bench.resolve()
    return {"beginEndUs": pairs_s * 1e3, "nextUs": next_s * 1e3}


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    options.add_argument("--steps", type=int, default=60)
    options.add_argument("--layers", type=int, default=61)
    chosen = options.parse_args()
    try:
        import torch
    except ImportError:
        print(json.dumps({"checked": False, "why": "torch is not installed"}))
        return 2
    if not torch.cuda.is_available():
        print(json.dumps({"checked": False, "why": "torch finds no GPU"}))
        return 2
    torch.cuda.init()
    bench = Bench(torch, chosen.layers, thread=True)
    for step in range(5):
        bench.one(step, bench.timed)
    bench.resolve()
    found: Dict[str, Any] = {
        "checked": True,
        "gpu": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "captureModeExchanged": exchange_capture_mode(),
        "cost": cost(bench),
        "hostClock": host_clock(bench, range(100, 100 + chosen.steps)),
        "agreement": agreement(bench, range(1000, 1010), bench.timed),
        "slowdown": slowdown(bench, bench.plain, bench.timed, chosen.steps),
        "graph": graphs(bench, chosen.steps),
        "counts": bench.probe.stats(),
    }
    parts = ("hostClock", "agreement", "slowdown", "graph")
    found["holds"] = all(found[part]["holds"] for part in parts)
    print(json.dumps(found, indent=2))
    return 0 if found["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
