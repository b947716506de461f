"""How much slower the pipeline of probe/examples is with the probe.

    python3 probe/bench/pipeline_slowdown.py

Blocks of steps with the probe and without take turns inside one run (blocks.py of the pipeline).
Each worker has a core of its own, which the probe's threads share with it: there is no idle core for
them, but in the row that says so. Every block with the probe is compared with its neighbour without
it; printed are the median over pairs and the quartiles. "noise" is the same of neighbours without it.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = ROOT / "probe/examples/pipeline"
sys.path.insert(0, str(PIPELINE))

from model import hash_rate_bytes_per_us  # noqa: E402

SINK = """
import http.server, sys
class Sink(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *arguments):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
print(f'{{"ready":true,"otlpHttp":"http://127.0.0.1:{server.server_port}"}}', flush=True)
server.serve_forever()
"""


@contextmanager
def listening(command: "list[str]", env: "dict[str, str]"):
    """A process that prints where it listens, as the collector does; ended afterwards."""
    process = subprocess.Popen(
        command, env={**os.environ, **env}, stdout=subprocess.PIPE, text=True
    )
    try:
        for line in process.stdout:
            if line.startswith('{"ready":true'):
                yield json.loads(line)["otlpHttp"]
                return
        raise SystemExit(f"{command[0]} ended before it listened")
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def collector():
    with tempfile.TemporaryDirectory() as data:
        env = {"AFDSCOPE_DATA": data, "AFDSCOPE_LOG": "warn"}
        for name in ("OTLP_HTTP", "OTLP_GRPC", "ADMIN"):
            env[f"AFDSCOPE_{name}"] = "127.0.0.1:0"
        with listening(["node", str(ROOT / "bin/afdscope.js"), "collector"], env) as endpoint:
            yield endpoint


def nobody() -> str:
    """An address that refuses connections."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{sock.getsockname()[1]}"


def measure(options, rate: float, arguments: "list[str]", env: "dict[str, str]") -> "list[dict]":
    """One run: its workers, attention first."""
    command = [sys.executable, str(PIPELINE / "run.py"), "--json", "--pin"]
    command += ["--bytes-per-us", str(rate), "--steps", str(options.blocks * options.block_steps)]
    for name in ("topology", "layers", "microbatches", "attention-us", "expert-us", "block-steps"):
        command += [f"--{name}", str(getattr(options, name.replace("-", "_")))]
    out = subprocess.run(
        [*command, *arguments],
        env={**os.environ, **env},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(out.stdout)["workers"]


def pairs_of(blocks: "list[dict]") -> "list[tuple[dict, dict]]":
    """(without, with) of blocks that follow each other."""
    halves = zip(blocks[0::2], blocks[1::2])
    return [(a, b) if b["probe"] else (b, a) for a, b in halves]


def step_ratios(pairs: "list[tuple[dict, dict]]") -> "list[float]":
    """How much longer the second one's median step is."""
    median = statistics.median
    return [median(b["stepNs"]) / median(a["stepNs"]) - 1 for a, b in pairs]


def more_ns(workers: "list[dict]", name: str) -> "list[float]":
    """Processor time an event with the probe beyond that without, of all workers together."""
    sums = [[0.0, 0] for _ in pairs_of(workers[0]["blocks"])]
    for worker in workers:
        for at, (without, used) in zip(sums, pairs_of(worker["blocks"])):
            at[0] += used[name] - without[name]
            at[1] += used["events"]
    return [more / events for more, events in sums]


def spread(values: "list[float]", form: str) -> str:
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:{form}} ({low:{form}} to {high:{form}})"


def main(arguments: "list[str]") -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--blocks", type=int, default=24, help="of each run: 12, 16, 20, …")
    parser.add_argument("--block-steps", type=int, default=12)
    parser.add_argument("--topology", default="1A1F")
    parser.add_argument("--layers", type=int, default=20)
    parser.add_argument("--microbatches", type=int, default=3)
    parser.add_argument("--attention-us", type=float, default=250)
    parser.add_argument("--expert-us", type=float, default=250)
    options = parser.parse_args(arguments)
    if options.blocks < 12 or options.blocks % 4 != 0 or options.block_steps < 2:
        parser.error("--blocks: 12 or more, a multiple of 4; --block-steps: 2 or more")
    rate = hash_rate_bytes_per_us()
    print(f"{'':<32}{'time of a step':<32}{'noise':<32}ns an event: worker's thread, all threads")
    with ExitStack() as stack:
        sink = stack.enter_context(listening([sys.executable, "-c", SINK], {}))
        real = stack.enter_context(collector())
        # Little expert work: the second core is idle, and the probe's threads live there.
        idle = {"AFDSCOPE_PROBE_CPUS": str(sorted(os.sched_getaffinity(0))[-1])}
        sampled = ["--endpoint", sink, "--mode", "1/16"]
        for name, more, env in (
            ("sent elsewhere", ["--endpoint", sink], {}),
            ("the same, with an idle core", ["--endpoint", sink, "--expert-us", "20"], idle),
            ("a collector on the same cores", ["--endpoint", real], {}),
            ("nobody listens", ["--endpoint", nobody(), "--flush-s", "0.3"], {}),
            ("one step in 16", sampled, {}),
            ("one step in 16, no ring", sampled, {"AFDSCOPE_PROBE_RING_BYTES": "0"}),
        ):
            print_row(name, measure(options, rate, more, env))


def print_row(name: str, workers: "list[dict]") -> None:
    blocks = workers[0]["blocks"]
    without = [block for block in blocks if not block["probe"]]
    noise = step_ratios(list(zip(blocks[3::4], blocks[4::4])))
    step_ms = statistics.median(ns for block in without for ns in block["stepNs"]) / 1e6
    thread, every = (spread(more_ns(workers, each), ".0f") for each in ("threadNs", "cpuNs"))
    time = spread(step_ratios(pairs_of(blocks)), "+.2%")
    print(f"{name:<32}{time:<32}{spread(noise, '+.2%'):<32}{thread}, {every}; {step_ms:.1f} ms")


if __name__ == "__main__":
    main(sys.argv[1:])
