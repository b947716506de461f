"""Packed steps (docs/packed-steps.md) from Python's standard library, written apart from the
TypeScript encoder. `python3 make_vectors.py` writes the vectors of this folder anew: *.bin and what
it must decode to (format the JSON with biome). simulated-step.bin is the TypeScript encoder's."""

import json
import pathlib
import struct
import zlib

KINDS = ["compute", "transfer", "wait", "receive", "copy", "host"]
PHASES = ["decode", "prefill", "mixed", "warmup", "capture"]
MEASURES = ["tokens", "bytes", "flops", "requests", "contextTokens",
            "expertsActive", "expertsMaxTokens", "expertsMeanTokens"]
LISTS = ["peers", "expertTokens"]
DELTA = 128


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value):
    return varint(value * 2 if value >= 0 else -value * 2 - 1)


def column(values, least_bits=0, delta=False):
    """One width for all residuals, no patches: all that an encoder needs."""
    first = values[0] if values else 0
    steps = [b - a for a, b in zip(values, values[1:])] if delta else values
    base = min(steps, default=0)
    residuals = ([0] if delta and values else []) + [value - base for value in steps]
    width = max(least_bits, max(residuals, default=0).bit_length())
    head = bytes([width + (DELTA if delta else 0)]) + zigzag(base)
    if delta:
        head += zigzag(first - base)
    if width == 0 or not residuals:
        return head
    bits = "".join([f"{residual:0{width}b}" for residual in reversed(residuals)])
    return head + int(bits, 2).to_bytes((len(bits) + 7) // 8, "little")


def measure(values):
    for scale in range(9):
        scaled = [value * 2**scale for value in values]
        if all(int(value) == value for value in scaled):
            return bytes([scale]) + column([int(value) for value in scaled])
    return b"\xff" + struct.pack(f"<{len(values)}d", *values)


def series_key(event):
    mask = int(event.get("layer", -1) != -1)
    for i, name in enumerate(MEASURES):
        mask |= (name in event) << (1 + i)
    for i, name in enumerate(LISTS):
        mask |= bool(event.get(name)) << (9 + i)
    return (event["stage"], event.get("kind"), event.get("phase", "decode"), event.get("domain", -1),
            event.get("microbatch", -1), event.get("peer", -1), mask)


def encode_step(step, events):
    """events: dicts with stage, startUnixNs, durationNs and what else there is. step: -1 for none."""
    base = min((event["startUnixNs"] for event in events), default=0)
    groups = {}
    for event in sorted(events, key=lambda event: event["startUnixNs"]):
        groups.setdefault(series_key(event), []).append(event)
    names = list(dict.fromkeys(event["stage"] for event in events))
    body = bytearray(struct.pack("<Q", base))
    body += varint(step + 1) + varint(len(events)) + varint(len(names))
    for name in names:
        raw = name.encode()
        body += varint(len(raw)) + raw
    body += varint(len(groups))
    for (stage, kind, phase, domain, microbatch, peer, mask), rows in groups.items():
        body += varint(names.index(stage))
        body.append((0 if kind is None else KINDS.index(kind) + 1) | PHASES.index(phase) << 4)
        body += varint(domain + 1) + varint(microbatch + 1) + varint(peer + 1)
        body += varint(len(rows)) + varint(mask)
        body += column([row["durationNs"] for row in rows], least_bits=8)
        body += varint(0) + column([row["startUnixNs"] - base for row in rows], delta=True)
        if mask & 1:
            body += column([row["layer"] for row in rows], delta=True)
        for i, name in enumerate(MEASURES):
            if mask >> (1 + i) & 1:
                body += measure([row[name] for row in rows])
        for i, name in enumerate(LISTS):
            if mask >> (9 + i) & 1:
                body += column([len(row[name]) for row in rows])
                body += column([value for row in rows for value in row[name]], least_bits=8)
    return b"AFD\x01" + struct.pack("<I", zlib.crc32(body)) + bytes(body)


START = 1_767_225_600_000_000_000


def plain_step():
    events = []
    time = START
    for layer in range(4):
        for microbatch in range(2):
            for stage, length in ("attention", 270_000), ("a2f_send", 70_000):
                duration = length + 977 * layer + 13 * microbatch
                events.append({"stage": stage, "layer": layer, "microbatch": microbatch,
                               "startUnixNs": time, "durationNs": duration, "tokens": 128})
                time += duration + 1_500
    return events


def every_field():
    common = {"startUnixNs": START + 5, "durationNs": 2**40, "layer": 60, "microbatch": 2}
    return [
        {**common, "stage": "my_stage 層", "kind": "compute", "phase": "prefill", "domain": 3,
         "peer": 7, "tokens": 2**53 - 1, "bytes": 0, "flops": 10**15, "requests": 9,
         "contextTokens": 4_096_000, "expertsActive": 64, "expertsMaxTokens": 48.5,
         "expertsMeanTokens": 31.1, "peers": [0, 1, 300, -1], "expertTokens": [5, 0, 70_000]},
        {**common, "stage": "moe", "startUnixNs": START + 9, "expertTokens": [1, 2, 3]},
        {**common, "stage": "moe", "startUnixNs": START + 8, "layer": 7, "expertTokens": [4]},
        {"stage": "sample", "kind": "wait", "startUnixNs": START, "durationNs": 0},
        {"stage": "dispatch", "startUnixNs": START + 2**45, "durationNs": 1, "peers": [1]},
    ]


def write(name, step, events):
    folder = pathlib.Path(__file__).parent
    (folder / f"{name}.bin").write_bytes(encode_step(step, events))
    said = [{**event, "startUnixNs": str(event["startUnixNs"])} for event in events]
    text = json.dumps({"step": step, "events": said}, indent=1, ensure_ascii=False)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write("plain-step", 41, plain_step())
    write("every-field", 2**53 - 1, every_field())
    write("no-step", -1, [{"stage": "host", "startUnixNs": START, "durationNs": 9}])
    write("no-events", 3, [])
