"""One worker process: python3 worker.py attention|ffn RANK SETTINGS-JSON [PORT,PORT…]

An expert rank prints the port that it listens on. At the end the worker writes what it measured to
<out>/<role>-<rank>.json.
"""

import json
import os
import socket
import sys
import time
from pathlib import Path

from attention import AttentionWorker
from blocks import run_blocks
from experts import ExpertWorker
from frames import Connection, listen
from meter import Meter
from settings import Settings

HELLO_STEP = 0xFFFFFFFF


def connect(settings: Settings, rank: int, ports: "list[int]") -> "list[Connection]":
    """Attention: one connection to each expert rank, which is told who this is."""
    peers = []
    for port in ports:
        sock = socket.create_connection(("127.0.0.1", port), timeout=settings.limit_s)
        peers.append(Connection(sock, settings.limit_s))
        peers[-1].send(HELLO_STEP, rank, 0, (0, 0), [])
    return peers


def accept(settings: Settings) -> "list[Connection]":
    """Experts: one connection from each attention rank, in the order of ranks."""
    server = listen()
    server.settimeout(settings.limit_s)
    print(json.dumps({"port": server.getsockname()[1]}), flush=True)
    peers: "dict[int, Connection]" = {}
    while len(peers) < settings.attention_ranks:
        connection = Connection(server.accept()[0], settings.limit_s)
        peers[connection.receive_hello(HELLO_STEP)] = connection
    server.close()
    return [peers[rank] for rank in range(settings.attention_ranks)]


def start_probe(settings: Settings, role: str, rank: int):
    """The only place that knows how the probe is started; None: run without it."""
    if not settings.probe:
        return None
    import afdscope_probe as afdscope

    return afdscope.start(
        role=role,
        rank=rank,
        deployment=settings.deployment,
        topology=settings.topology,
        microbatches=settings.microbatches,
        layers=settings.layers,
        model="hashes",
        connector="tcp",
        # sendall returns when the kernel has the data, not when the peer has.
        resource={"afd.send_end": "posted"},
        **({"mode": settings.mode} if settings.mode else {}),
    )


def resident_bytes() -> int:
    """Memory of this process; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    except OSError:
        return 0


def run(settings: Settings, role: str, rank: int, peers: "list[Connection]", probe) -> dict:
    """All steps, then everything that was measured."""
    meter = Meter(probe)
    kind = AttentionWorker if role == "attention" else ExpertWorker
    worker = kind(settings, rank, peers, meter)
    if settings.block_steps > 0:
        blocks = run_blocks(settings, worker, meter, probe)
        return {"role": role, "rank": rank, "blocks": blocks, **meter.measurements()}
    memory = []
    pauses = settings.pause_s > 0 and role == "attention" and rank == 0
    start_cpu_ns, start_ns = time.process_time_ns(), time.perf_counter_ns()
    for step in range(settings.steps):
        if pauses:
            time.sleep(settings.pause_s)
        if probe is not None:
            probe.begin_step(step, phase="decode")
        worker.run_step(step)
        if probe is not None:
            probe.end_step()
        meter.step_done()
        if (step + 1) % max(1, settings.steps // 10) == 0:
            memory.append(resident_bytes())
    loop_ns = time.perf_counter_ns() - start_ns
    cpu_ns = time.process_time_ns() - start_cpu_ns
    return {
        "role": role,
        "rank": rank,
        **meter.measurements(),
        **worker.results(),
        "loopNs": loop_ns,
        "loopCpuNs": cpu_ns,
        "blockedReceivingNs": sum(peer.blocked_receiving_ns for peer in peers),
        "blockedSendingNs": sum(peer.blocked_sending_ns for peer in peers),
        "residentBytes": memory,
    }


def pin(settings: Settings, role: str, rank: int) -> None:
    """Takes one of the cores that this process may use: two workers do not take turns on one then."""
    cores = sorted(os.sched_getaffinity(0))
    number = rank if role == "attention" else settings.attention_ranks + rank
    os.sched_setaffinity(0, {cores[number % len(cores)]})


def main(arguments: "list[str]") -> int:
    role, rank, settings = arguments[0], int(arguments[1]), Settings.from_json(arguments[2])
    if settings.pin:
        pin(settings, role, rank)
    if role == "attention":
        peers = connect(settings, rank, [int(port) for port in arguments[3].split(",")])
    else:
        peers = accept(settings)
    probe = start_probe(settings, role, rank)
    measured = run(settings, role, rank, peers, probe)
    for peer in peers:
        peer.close()
    if probe is not None:
        start_ns = time.perf_counter_ns()
        measured["flushed"] = probe.flush(settings.flush_s)
        measured["flushNs"] = time.perf_counter_ns() - start_ns
        probe.shutdown(settings.flush_s)
        measured["probe"] = probe.stats()
    path = Path(settings.out) / f"{role}-{rank}.json"
    path.write_text(json.dumps(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
