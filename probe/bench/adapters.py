"""What a wrapped call costs its thread more than the call alone: nanoseconds of CPU time, median of rounds
that take turns.

    python3 probe/bench/adapters.py [--rounds 9] [--json]

The engine is the tests' (vLLM's signatures, no computation). The probe is a real one, its encoding and
sending threads run beside it; only the network is left out. CPU time of the calling thread is counted, since
on a shared machine the clock on the wall counts the neighbours, too. A call is one or two events.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from afdscope_probe import adapters  # noqa: E402
from afdscope_probe.adapters import generic, wrap  # noqa: E402
from afdscope_probe.probe import Probe  # noqa: E402
from afdscope_probe.settings import Settings  # noqa: E402
from afdscope_probe.transport import Answer  # noqa: E402
from tests import vllm_engines as engines  # noqa: E402
from tests.keeping import Tensor, module  # noqa: E402

start_module: Any = importlib.import_module("afdscope_probe.start")

LAYERS = 61


class Inert(wrap.Hook):
    """Nothing to do before and after."""


class Engine:
    def attend(self, hidden: Any, layer: int, ubatch: int = 0) -> Any:
        return hidden


def real_probe() -> Probe:
    probe = Probe(Settings.from_env({}, role="attention", rank=0))
    probe.exporter._transport.post = lambda *_: Answer(200, {}, b"")  # type: ignore[method-assign]
    return probe


def timed(run: Callable[[], int]) -> float:
    """Nanoseconds of this thread's CPU time for each call of one round."""
    gc.collect()
    begin = time.thread_time_ns()
    calls = run()
    return (time.thread_time_ns() - begin) / calls


def cases() -> "Dict[str, tuple[Callable[[], int], Callable[[], Any], Callable[[], Any]]]":
    """name -> (a round, what puts the hooks on, what takes them off)."""
    engine = engines.current()
    user = module("user_engine", Engine=Engine)
    worker, hidden = user.Engine(), Tensor(128, 7168)
    wire = engines.Wire()
    attention = engines.echo(engine.gpu.P2pNcclAFDConnector("attention", 0, wire))
    ffn = engine.gpu.P2pNcclAFDConnector("ffn", 0, wire)
    model = engine.models.AFDModel()
    contexts = [
        [engines.Context(engines.Metadata(layer, stage, [128])) for stage in (0, 1)] for layer in range(LAYERS)
    ]
    layers = [index % 3 for index in range(LAYERS)]

    def attend() -> int:
        for _ in range(40):
            for layer in range(LAYERS):
                worker.attend(hidden, layer, 1)
        return 40 * LAYERS

    def generic_steps() -> int:
        probe = start_module.get_probe()
        for step in range(40):
            probe.begin_step(step)
            for layer in range(LAYERS):
                worker.attend(hidden, layer, 1)
            probe.end_step()
        return 40 * LAYERS

    def attention_steps() -> int:
        for _ in range(20):
            attention.control_plane.send_dp_metadata_list(engines.ControlPayload({0: None, 1: None}))
            for pair in contexts:
                for stage in (0, 1):
                    attention.send_attn_output(hidden, pair[stage])
                    attention.exchange(stage)
                    attention.recv_ffn_output(ref_tensor=hidden, ubatch_idx=stage)
            wire.control.clear()
        return 20 * LAYERS * 2 * 2

    def ffn_steps() -> int:
        for _ in range(20):
            wire.control.append(engines.ControlPayload({0: None, 1: None}))
            ffn.control_plane.recv_dp_metadata_list()
            for stage in (0, 1):
                wire.to_ffn[stage] = engines.deque([hidden] * LAYERS)
            for layer in layers:
                for stage in (0, 1):
                    payload = ffn.recv_attn_output(ubatch_idx=stage)
                    ffn.send_ffn_output(model.compute_ffn_output(payload.hidden_states, layer), payload.context)
            wire.to_attention.clear()
        return 20 * LAYERS * 2 * 3

    inert = Inert("bench")
    slots: List[wrap.Slot] = []

    def put() -> None:
        slots.append(wrap.attach(user.Engine, "attend", inert))

    def take() -> None:
        slots.pop().remove(inert)

    def configure() -> None:
        import os

        os.environ[generic.VARIABLE] = (
            "user_engine:Engine.attend=attention;layer=arg:layer;microbatch=arg:ubatch;tokens=rows:hidden"
        )
        adapters.enable(["generic"])

    def vllm() -> None:
        adapters.enable(["vllm"])

    return {
        "wrapper with an empty hook": (attend, put, take),
        "generic: stage, layer, micro-batch, tokens": (generic_steps, configure, adapters.disable),
        "vllm attention side: send, receive (and attention between)": (attention_steps, vllm, adapters.disable),
        "vllm ffn side: receive, compute, send": (ffn_steps, vllm, adapters.disable),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    probe = real_probe()
    start_module._probe = probe
    rows = []
    for name, (run, on, off) in cases().items():
        run()
        bare: List[float] = []
        wrapped: List[float] = []
        for _ in range(options.rounds):
            bare.append(timed(run))
            on()
            run()
            wrapped.append(timed(run))
            off()
            probe.flush(10)
        costs = [after - before for before, after in zip(bare, wrapped)]
        rows.append(
            {"what": name, "bareNs": statistics.median(bare), "costNs": statistics.median(costs),
             "leastNs": min(costs), "mostNs": max(costs)}
        )
    stats = probe.stats()
    probe.shutdown(5)
    if options.json:
        print(json.dumps({"python": sys.version.split()[0], "rows": rows, "probe": stats}))
        return
    print(f"{'ns a wrapped call, above the call alone':<62}{'bare':>8}{'median':>8}{'least':>8}{'most':>8}")
    for row in rows:
        print(f"{row['what']:<62}{row['bareNs']:>8.0f}{row['costNs']:>8.0f}{row['leastNs']:>8.0f}{row['mostNs']:>8.0f}")
    print(f"events {stats['events']}, dropped {stats['dropped_events']}, errors {stats['errors']}")


if __name__ == "__main__":
    main()
