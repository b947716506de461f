"""What the probe costs a worker, as JSON on stdout: `python3 bench/overhead.py [--events N]` in probe/.

- ns per event of each way to record, without the encoding thread: median and least of ROUNDS steps;
- ns per event of encoding (both encoders), on steps as an attention worker makes them (61 layers, 3
  micro-batches, 4 stages, durations that vary by 3 %), and the payload's bytes per event;
- the longest stretch of encoding between two moments at which the GIL is let go;
- with the threads running: wall time of the worker's thread per event, CPU time of the process per event,
  and resident memory before and after N events; once with a collector that takes everything, once
  without any.

The worker's thread does nothing else meanwhile, so that a step takes some milliseconds and the threads
run at many times the rate that a real worker would ask for.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import platform
import random
import resource
import statistics
import subprocess
import sys
import time
from typing import Any, Callable, Dict, List

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from afdscope_probe.columns import columns_of  # noqa: E402
from afdscope_probe.packed import StepEncoder  # noqa: E402
from afdscope_probe.probe import Probe  # noqa: E402
from afdscope_probe.settings import Settings  # noqa: E402
from afdscope_probe.steps import StepBuffer  # noqa: E402

LAYERS, MICROBATCHES = 61, 3
STAGES = {"attention": 270_000, "a2f_send": 70_000, "f2a_recv": 330_000, "combine": 20_000}
STEP_EVENTS = LAYERS * MICROBATCHES * len(STAGES)
ROUNDS = 200

Step = Callable[[Probe], None]


def pairs(probe: Probe) -> None:
    begin, end = probe.begin, probe.end
    for layer in range(LAYERS):
        for microbatch in range(MICROBATCHES):
            for stage in STAGES:
                end(begin(stage, layer, microbatch))


def pairs_with_tokens(probe: Probe) -> None:
    begin, end = probe.begin, probe.end
    for layer in range(LAYERS):
        for microbatch in range(MICROBATCHES):
            for stage in STAGES:
                end(begin(stage, layer, microbatch), tokens=128)


def contexts(probe: Probe) -> None:
    for layer in range(LAYERS):
        for microbatch in range(MICROBATCHES):
            for stage in STAGES:
                with probe.stage(stage, layer=layer, microbatch=microbatch):
                    pass


def records(probe: Probe) -> None:
    now = probe.now_unix_ns()
    for layer in range(LAYERS):
        for microbatch in range(MICROBATCHES):
            for stage, duration in STAGES.items():
                probe.record(stage, now, duration, layer, microbatch)


def nothing(probe: Probe) -> None:
    for layer in range(LAYERS):
        for microbatch in range(MICROBATCHES):
            for stage in STAGES:
                pass


WAYS: Dict[str, Step] = {"begin/end": pairs, "begin/end, tokens": pairs_with_tokens, "stage()": contexts,
                         "record": records}


def make_probe(endpoint: str) -> Probe:
    return Probe(Settings.from_env({}, role="attention", rank=0, endpoint=endpoint))


def figures(values: List[float]) -> Dict[str, float]:
    return {"median": round(statistics.median(values), 1), "least": round(min(values), 1)}


def recording() -> Dict[str, Dict[str, float]]:
    """The loop around the calls is taken off."""
    probe = make_probe("http://127.0.0.1:9")
    probe.encoder.start = lambda: True  # type: ignore[method-assign]
    loops, found = [], {name: [] for name in WAYS}  # type: ignore[var-annotated]
    for number in range(ROUNDS):
        before = time.perf_counter_ns()
        nothing(probe)
        loops.append((time.perf_counter_ns() - before) / STEP_EVENTS)
        for name, work in WAYS.items():
            probe.begin_step(number)
            before = time.perf_counter_ns()
            work(probe)
            found[name].append((time.perf_counter_ns() - before) / STEP_EVENTS)
            probe.end_step()
            for buffer in probe._buffers.take(False):
                probe._buffers.recycle(buffer)
    loop = statistics.median(loops)
    return {name: figures([value - loop for value in values]) for name, values in found.items()}


def worker_step(rnd: random.Random, number: int, fields: Dict[str, int], tail: float) -> StepBuffer:
    """A step as an attention worker records it. `tail`: which part of the events takes 7 times as long."""
    buffer = StepBuffer(1 << 18)
    buffer.reset(number, number, "decode", None, 1_700_000_000_000_000_000)
    time_ns = [buffer.begun_ns] * MICROBATCHES
    for layer in range(LAYERS):
        for microbatch in range(MICROBATCHES):
            for stage, usual_ns in STAGES.items():
                factor = 7 if rnd.random() < tail else 1
                duration = int(usual_ns * factor * max(0.1, rnd.gauss(1, 0.03)))
                series = buffer.series.get((stage, microbatch)) or buffer.add_series(stage, microbatch)
                row = len(series.starts)
                if row >= series.limit:
                    buffer.allow_rows(series)
                series.starts.append(time_ns[microbatch])
                series.ends.append(time_ns[microbatch] + duration)
                series.layers.append(layer)
                if fields:
                    series.set_more(row, fields)
                time_ns[microbatch] += duration + rnd.randrange(1200, 1800)
    return buffer


def encoding() -> Dict[str, Any]:
    rnd = random.Random(11)
    found: Dict[str, Any] = {}
    for name, fields, tail in (("times and layers", {}, 0.0), ("with tokens", {"tokens": 128}, 0.0),
                               ("with tokens and 2 % of outliers", {"tokens": 128}, 0.02)):
        steps = [worker_step(rnd, number, fields, tail) for number in range(40)]
        for kind in ("quick", "full"):
            last, longest = [0], [0.0]

            def gave_way() -> None:
                now = time.perf_counter_ns()
                longest[0] = max(longest[0], now - last[0])
                last[0] = time.perf_counter_ns()

            encoder = StepEncoder(kind == "full", gave_way)
            encoder.encode(columns_of(steps[0]))
            times, stretches, size = [], [], 0
            for buffer in steps[: 40 if kind == "quick" else 10]:
                longest[0] = 0.0
                before = last[0] = time.perf_counter_ns()
                columns = columns_of(buffer, gave_way)
                payload = encoder.encode(columns)
                times.append((time.perf_counter_ns() - before) / STEP_EVENTS)
                gave_way()
                stretches.append(longest[0] / 1000)
                size += len(payload)
            found[f"{kind}, {name}"] = {
                "nsPerEvent": figures(times),
                "bytesPerEvent": round(size / len(times) / STEP_EVENTS, 3),
                "longestStretchUs": figures(stretches),
            }
    return found


def rss_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


SINK = """
import http.server


class Sink(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200); self.send_header("content-length", "0"); self.end_headers()
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


def running(events: int, collector: bool) -> Dict[str, Any]:
    """Steps at the rate of a worker whose steps take 5 ms, ten times that of a real one."""
    sink = None
    port = 9
    if collector:
        sink = subprocess.Popen([sys.executable, "-c", SINK], stdout=subprocess.PIPE, text=True)
        assert sink.stdout is not None
        port = int(sink.stdout.readline())
    try:
        probe = make_probe(f"http://127.0.0.1:{port}")
        count = max(1, events // STEP_EVENTS)
        samples: List[int] = []
        spent_ns = 0
        cpu_before = time.process_time_ns()
        for number in range(count):
            if number == min(400, count // 10):
                samples = [rss_bytes()]
            probe.begin_step(number)
            before = time.perf_counter_ns()
            pairs_with_tokens(probe)
            spent_ns += time.perf_counter_ns() - before
            probe.end_step()
            time.sleep(0.004)
            if number % 500 == 499:
                samples.append(rss_bytes())
        samples.append(rss_bytes())
        cpu_ns = time.process_time_ns() - cpu_before
        flushed = probe.flush(20) if collector else False
        stats = probe.stats()
        probe.shutdown(1)
        made = count * STEP_EVENTS
        return {
            "events": made,
            "workerNsPerEvent": round(spent_ns / made, 1),
            "cpuNsPerEvent": round(cpu_ns / made, 1),
            "rssBytesAfterWarmUp": samples[0],
            "rssBytesMost": max(samples),
            "rssBytesAtEnd": samples[-1],
            "flushed": flushed,
            "stats": stats,
        }
    finally:
        if sink is not None:
            sink.kill()
            sink.wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1_000_000)
    given = parser.parse_args()
    found = {
        "python": platform.python_version(),
        "stepEvents": STEP_EVENTS,
        "recordingNsPerEvent": recording(),
        "encoding": encoding(),
        "withCollector": running(given.events, True),
        "collectorAbsent": running(given.events, False),
    }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
