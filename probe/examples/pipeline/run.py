"""A small AFD pipeline that really computes and really sends, measured by the probe and by itself.

    python3 probe/examples/pipeline/run.py --topology 2A2F --steps 100 --endpoint http://127.0.0.1:4318

Starts the workers as processes of their own, waits for them, prints what they measured.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from model import TOP_K, hash_rate_bytes_per_us
from settings import Settings, check
from summary import print_summary

HERE = Path(__file__).resolve().parent
PACKAGE_ROOT = HERE.parent.parent


def parse(arguments: "list[str]") -> "tuple[argparse.ArgumentParser, argparse.Namespace]":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    defaults = Settings()
    add = parser.add_argument
    add("--topology", default="1A1F", help="attention and expert ranks (default 1A1F)")
    add("--steps", type=int, default=defaults.steps)
    add("--layers", type=int, default=defaults.layers)
    add("--microbatches", type=int, default=defaults.microbatches, help="1 to 3")
    add("--tokens", type=int, default=defaults.tokens, help="of a micro-batch of an attention rank")
    add("--experts", type=int, default=defaults.experts, help="of all expert ranks together")
    add("--seed", type=int, default=defaults.seed)
    add("--attention-us", type=float, default=250.0, help="a micro-batch's attention in one layer")
    add("--expert-us", type=float, default=250.0, help="a micro-batch's experts on one rank")
    add("--bytes-per-us", type=float, help="hashing speed (default: measured at the start)")
    add("--slow-rank", type=int, default=-1, help="this expert rank does more work for the same")
    add("--slow-factor", type=float, default=2.0, help="so many times the work")
    add("--deployment", default=defaults.deployment)
    add("--endpoint", help="OTLP/HTTP (default: OTEL_EXPORTER_OTLP_ENDPOINT)")
    add("--mode", default="", help="the probe's mode: all, 1/N, aggregates, ring")
    add("--no-probe", action="store_true", help="the same work without the probe")
    add("--flush-s", type=float, default=defaults.flush_s, help="to send what is left at the end")
    add("--pause-s", type=float, default=0.0, help="idle time before every step")
    add("--block-steps", type=int, default=0, help="with the probe and without in turns")
    add("--pin", action="store_true", help="each worker on a core of its own (Linux)")
    add("--limit-s", type=float, default=defaults.limit_s, help="the run is ended after this time")
    add("--out", help="folder for the workers' measurements (default: none are kept)")
    add("--json", action="store_true", help="the measurements as one JSON document")
    return parser, parser.parse_args(arguments)


def settings_of(parser: argparse.ArgumentParser, options: argparse.Namespace, out: str) -> Settings:
    ranks = re.fullmatch(r"(\d+)A(\d+)F", options.topology)
    if ranks is None:
        parser.error(f"--topology {options.topology}: such as 1A1F or 2A2F")
    settings = Settings(
        attention_ranks=int(ranks[1]),
        expert_ranks=int(ranks[2]),
        microbatches=options.microbatches,
        layers=options.layers,
        steps=options.steps,
        tokens=options.tokens,
        experts=options.experts,
        seed=options.seed,
        slow_rank=options.slow_rank,
        slow_factor=options.slow_factor,
        deployment=options.deployment,
        probe=not options.no_probe,
        mode=options.mode,
        flush_s=options.flush_s,
        pause_s=options.pause_s,
        block_steps=options.block_steps,
        pin=options.pin,
        limit_s=options.limit_s,
        out=out,
    )
    wrong = check(settings)
    if wrong is not None:
        parser.error(wrong)
    rate = options.bytes_per_us or hash_rate_bytes_per_us()
    routed = settings.attention_ranks * settings.tokens * TOP_K / settings.expert_ranks
    return replace(
        settings,
        attention_bytes=max(2048, round(options.attention_us * rate / settings.tokens)),
        expert_bytes=max(2048, round(options.expert_us * rate / routed)),
    )


class Cluster:
    """The worker processes of one run."""

    def __init__(self, settings: Settings, endpoint: "str | None"):
        self._settings = settings
        self._env = dict(os.environ)
        paths = [str(PACKAGE_ROOT), self._env.get("PYTHONPATH", "")]
        self._env["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
        if endpoint is not None:
            self._env["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
        self._workers: "list[tuple[str, subprocess.Popen]]" = []

    def _start(self, role: str, rank: int, *more: str, **pipes) -> subprocess.Popen:
        command = [sys.executable, str(HERE / "worker.py"), role, str(rank)]
        process = subprocess.Popen(
            [*command, self._settings.to_json(), *more], env=self._env, text=True, **pipes
        )
        self._workers.append((f"{role}/{rank}", process))
        return process

    def run(self) -> "list[str]":
        """Runs all workers to their end; what went wrong, one line a worker."""
        try:
            return self._run()
        finally:
            for _, process in self._workers:
                if process.poll() is None:
                    process.kill()
                process.wait()

    def _run(self) -> "list[str]":
        settings = self._settings
        experts = [
            self._start("ffn", rank, stdout=subprocess.PIPE)
            for rank in range(settings.expert_ranks)
        ]
        ports = []
        for rank, process in enumerate(experts):
            line = process.stdout.readline()
            if line == "":
                return [f"ffn/{rank} ended before it listened"]
            ports.append(str(json.loads(line)["port"]))
        for rank in range(settings.attention_ranks):
            self._start("attention", rank, ",".join(ports))
        return self._wait()

    def _wait(self) -> "list[str]":
        deadline = time.monotonic() + self._settings.limit_s + self._settings.flush_s
        while time.monotonic() < deadline:
            codes = {name: process.poll() for name, process in self._workers}
            failed = [f"{name} ended with {code}" for name, code in codes.items() if code]
            if failed:
                return failed
            if all(code == 0 for code in codes.values()):
                return []
            time.sleep(0.02)
        return [f"{name} still runs: --limit-s" for name, code in codes.items() if code is None]


def main(arguments: "list[str]") -> int:
    parser, options = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # workers are ended on the way out
    with tempfile.TemporaryDirectory() as scratch:
        out = options.out or scratch
        Path(out).mkdir(parents=True, exist_ok=True)
        settings = settings_of(parser, options, out)
        failed = Cluster(settings, options.endpoint).run()
        if failed:
            print("\n".join(failed), file=sys.stderr)
            return 1
        workers = [
            json.loads((Path(out) / f"{role}-{rank}.json").read_text())
            for role, ranks in (
                ("attention", settings.attention_ranks),
                ("ffn", settings.expert_ranks),
            )
            for rank in range(ranks)
        ]
    run = {"settings": json.loads(settings.to_json()), "workers": workers}
    if options.json:
        print(json.dumps(run))
    else:
        print_summary(run)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
