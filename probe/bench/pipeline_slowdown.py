"""How much slower the pipeline of probe/examples is with the probe.

    python3 probe/bench/pipeline_slowdown.py --rounds 9

Each worker has a core of its own, which the probe's threads share with it: there is no idle core for
them. Runs of the same work take turns: without the probe (twice, to see the noise), with it and
somebody who takes what it sends, with a real collector on the same cores, with nobody listening, and
sending one step in 16. Each is compared with the first run of its own round. Printed: the median over
rounds and the quartiles, for the time of a step and for the processor time of a step of all workers.
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
from summary import cadences_ns  # noqa: E402

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


def measure(options: argparse.Namespace, rate: float, arguments: "list[str]") -> "dict[str, float]":
    """One run: time and processor time of a step, events of a step."""
    size = ["topology", "steps", "layers", "microbatches", "attention-us", "expert-us"]
    command = [sys.executable, str(PIPELINE / "run.py"), "--json", "--pin"]
    command += ["--bytes-per-us", str(rate)]
    for name in size:
        command += [f"--{name}", str(getattr(options, name.replace("-", "_")))]
    out = subprocess.run([*command, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    workers = json.loads(out.stdout)["workers"]
    events = sum(stage["count"] for worker in workers for stage in worker["stages"].values())
    return {
        "stepNs": statistics.median(cadences_ns(workers[0])),
        "cpuNs": sum(worker["loopCpuNs"] for worker in workers) / options.steps,
        "events": events / options.steps,
    }


def spread(values: "list[float]") -> str:
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:+.2%} ({low:+.2%} to {high:+.2%})"


def main(arguments: "list[str]") -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=9, help="at least 2")
    parser.add_argument("--topology", default="1A1F")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--layers", type=int, default=20)
    parser.add_argument("--microbatches", type=int, default=3)
    parser.add_argument("--attention-us", type=float, default=250)
    parser.add_argument("--expert-us", type=float, default=250)
    options = parser.parse_args(arguments)
    rate = hash_rate_bytes_per_us()
    with ExitStack() as stack:
        sink = stack.enter_context(listening([sys.executable, "-c", SINK], {}))
        real = stack.enter_context(collector())
        variants = {
            "without the probe": ["--no-probe"],
            "without it, again": ["--no-probe"],
            "the probe, sent elsewhere": ["--endpoint", sink],
            "the probe, collector on the same cores": ["--endpoint", real],
            "the probe, nobody listens": ["--endpoint", nobody(), "--flush-s", "0.1"],
            "the probe, one step in 16": ["--endpoint", sink, "--mode", "1/16"],
        }
        measure(options, rate, ["--no-probe"])  # files are read, the processor is awake
        rounds = []
        for number in range(options.rounds):
            # Each round begins elsewhere, so that none is always the one after the pause.
            first = number % len(variants)
            names = [*list(variants)[first:], *list(variants)[:first]]
            rounds.append({name: measure(options, rate, variants[name]) for name in names})
    print_table(options, rounds, list(variants))


def print_table(options: argparse.Namespace, rounds: "list[dict]", names: "list[str]") -> None:
    base = names[0]
    step_ms = statistics.median(each[base]["stepNs"] for each in rounds) / 1e6
    events = rounds[0][base]["events"]
    print(f"{options.topology}, {options.microbatches} micro-batches, {options.layers} layers:")
    print(f"a step of {step_ms:.2f} ms, {events:.0f} events of all workers; {options.rounds} rounds")
    print(f"{'':<42}{'time of a step':<30}processor time of a step; ns an event")
    for name in names[1:]:
        time = [each[name]["stepNs"] / each[base]["stepNs"] - 1 for each in rounds]
        cpu = [each[name]["cpuNs"] / each[base]["cpuNs"] - 1 for each in rounds]
        more = [(each[name]["cpuNs"] - each[base]["cpuNs"]) / events for each in rounds]
        each_ns = statistics.median(more)
        print(f"{name:<42}{spread(time):<30}{spread(cpu)}; {each_ns:.0f}")


if __name__ == "__main__":
    main(sys.argv[1:])
