"""Steps for tests, and their bytes. `python3 -m tests.vectors SEED COUNT` (in probe/) prints random
steps, one JSON object a line: step, events as in test/vectors/packed, and base64 of both encoders' bytes;
`python3 -m tests.vectors` encodes such objects from its input instead; `python3 -m tests.vectors metrics`
prints a metrics request in base64."""

from __future__ import annotations

import base64
import json
import random
import sys
from array import array
from typing import Any, Dict, Iterator, List

from afdscope_probe.columns import (COLUMN_OF, KINDS, LISTS, MEASURES, PHASES, PackedSeries, StepColumns,
                                    columns_of)
from afdscope_probe.otlp import Metric, Point, metrics_request, resource_bytes
from afdscope_probe.packed import StepEncoder
from afdscope_probe.sampling import Aggregates
from afdscope_probe.steps import StepBuffer

START_UNIX_NS = 1_767_225_600_000_000_000


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


#: The JSON's names of measures and lists.
JSON_NAMES = {camel(name): name for name in MEASURES + LISTS}


def one_by_one(step: int, events: List[Dict[str, Any]]) -> StepColumns:
    """A series for each event, in the order given: all that an encoder must keep."""
    series = []
    origin = min((int(event["startUnixNs"]) for event in events), default=0)
    for event in events:
        start = int(event["startUnixNs"]) - origin
        duration = event["durationNs"]
        columns = {
            COLUMN_OF[name]: [event[said]]
            for said, name in JSON_NAMES.items()
            if said in event and event[said] != []
        }
        series.append(PackedSeries(
            event["stage"],
            KINDS.index(event["kind"]) if event.get("kind") else -1,
            PHASES.index(event.get("phase", "decode")),
            event.get("domain", -1),
            event.get("microbatch", -1),
            event.get("peer", -1),
            array("q", [start]),
            array("q", [start + duration]),
            array("q", [duration]),
            None if event.get("layer", -1) == -1 else [event["layer"]],
            columns,
        ))
    return StepColumns(step, origin, series)


def random_step(rnd: random.Random) -> Dict[str, Any]:
    """A step as a worker records it; what it gives is what was recorded, and its bytes."""
    step = rnd.choice([-1, 0, 7, rnd.randrange(2**31), 2**53 - 2])
    phase = rnd.choice(PHASES)
    domain = rnd.choice([None, 0, 3])
    buffer = StepBuffer(1 << 20)
    origin = START_UNIX_NS - rnd.randrange(10**15)
    buffer.reset(1, step, phase, domain, origin)
    begun = START_UNIX_NS - origin
    buffer.begun_ns = begun
    events: List[Dict[str, Any]] = []
    stages = rnd.sample(["attention", "a2f_send", "f2a_recv", "combine", "expert", "my_stage 層", "x" * 256,
                         "sample"], rnd.randrange(1, 5))
    fields = rnd.sample(MEASURES + LISTS + ("kind", "peer"), rnd.choice([0, 1, 2, 6]))
    layers = rnd.choice([1, 3, 17, 61, 300])
    messy = rnd.random() < 0.3
    time_ns = begun
    for layer in range(layers):
        for microbatch in range(rnd.choice([1, 2, 3]) if messy else 2):
            for stage in stages:
                time_ns += rnd.randrange(1, 2_000)
                if rnd.random() < 0.01:
                    time_ns += rnd.randrange(10**9)
                duration = rnd.choice([
                    int(270_000 * rnd.gauss(1, 0.03)), 0, rnd.randrange(2**40)
                ] if messy else [int(270_000 * rnd.gauss(1, 0.03))])
                given = {
                    name: random_value(rnd, name)
                    for name in fields
                    if not messy or rnd.random() < 0.7
                }
                event_layer = layer if not messy or rnd.random() < 0.9 else rnd.choice([-1, 2**31 - 1])
                event_microbatch = microbatch if rnd.random() < 0.99 else -1
                kind, peer = given.pop("kind", None), given.pop("peer", -1)
                recorded = buffer.record(
                    stage, time_ns + origin, duration, event_layer, event_microbatch, peer, kind, given
                )
                assert recorded
                event = {
                    "stage": stage, "startUnixNs": str(time_ns + origin), "durationNs": duration,
                    "layer": event_layer, "microbatch": event_microbatch, "peer": peer, "phase": phase,
                }
                if kind is not None:
                    event["kind"] = kind
                if domain is not None:
                    event["domain"] = domain
                for name, value in given.items():
                    if value != []:
                        event[camel(name)] = value
                events.append(event)
                time_ns += 0 if rnd.random() < 0.1 else duration
    columns = columns_of(buffer)
    assert columns.dropped == {}, columns.dropped
    return {"step": step, "events": events, **encoded(columns)}


def random_value(rnd: random.Random, name: str) -> Any:
    if name == "kind":
        return rnd.choice(KINDS)
    if name == "peer":
        return rnd.choice([0, 1, 2**31 - 1])
    if name == "peers":
        return [rnd.randrange(-1, 1000) for _ in range(rnd.randrange(4))]
    if name == "expert_tokens":
        return [rnd.choice([0, 5, rnd.randrange(2**20)]) for _ in range(rnd.randrange(20))]
    if name.startswith("experts_"):
        return rnd.choice([0, 64, 48.5, 31.1, rnd.random() * 100])
    return rnd.choice([0, 128, 128, 128, rnd.randrange(10**6), 2**53 - 1])


def encoded(columns: StepColumns) -> Dict[str, str]:
    return {
        name: base64.b64encode(StepEncoder(full).encode(columns)).decode()
        for name, full in (("quick", False), ("full", True))
    }


def metrics() -> bytes:
    """A gauge, a sum, and the aggregates of two steps."""
    sums = Aggregates()
    events = [
        {"stage": "attention", "layer": layer, "startUnixNs": str(START_UNIX_NS), "durationNs": duration}
        for layer, duration in ((0, 1000), (0, 3000), (1, 5000))
    ]
    sums.add(one_by_one(1, events), START_UNIX_NS)
    aggregates = sums.take(START_UNIX_NS + 10**10)
    assert aggregates is not None
    point = Point(7, START_UNIX_NS, {"reason": "late"}, START_UNIX_NS - 5)
    return metrics_request(
        resource_bytes({"afd.role": "attention", "afd.rank": 5, "afd.deployment": "prod"}), "1",
        [aggregates, Metric("afdscope.probe.dropped_events", "1", "sum", [point]),
         Metric("hw.gpu.utilization", "1", "gauge", [Point(0.25, START_UNIX_NS, {"hw.id": "GPU-5"})])],
    )


def main() -> None:
    lines: Iterator[Dict[str, Any]]
    if sys.argv[1:] == ["metrics"]:
        print(base64.b64encode(metrics()).decode())
        return
    if len(sys.argv) > 1:
        rnd = random.Random(int(sys.argv[1]))
        lines = (random_step(rnd) for _ in range(int(sys.argv[2])))
    else:
        lines = (
            {**one, **encoded(one_by_one(one["step"], one["events"]))}
            for one in map(json.loads, sys.stdin)
        )
    for one in lines:
        print(json.dumps(one, ensure_ascii=False))


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    main()
