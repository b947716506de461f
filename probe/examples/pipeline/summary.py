"""What the workers measured, as a table for people."""

import statistics


def print_summary(run: dict) -> None:
    settings = run["settings"]
    workers = run["workers"]
    name = f"{settings['attention_ranks']}A{settings['expert_ranks']}F"
    shape = f"{settings['layers']} layers, {settings['microbatches']} micro-batches"
    print(f"{name}, {settings['steps']} steps, {shape}")
    print(f"{'worker':<14}{'stage':<12}{'count':>8}{'mean us':>10}{'share':>8}")
    for worker in workers:
        label = f"{worker['role']}/{worker['rank']}"
        for stage, sums in worker["stages"].items():
            mean_us = sums["innerNs"] / sums["count"] / 1000
            share = sums["innerNs"] / worker["loopNs"]
            print(f"{label:<14}{stage:<12}{sums['count']:>8}{mean_us:>10.1f}{share:>8.1%}")
    first = workers[0]
    median_ms = statistics.median(cadences_ns(first)) / 1e6
    print(f"step: median {median_ms:.3f} ms; sampled tokens {first['sampled']}")
    for worker in workers:
        stats = worker.get("probe")
        if stats is not None:
            print(f"{worker['role']}/{worker['rank']} probe: {stats}")


def cadences_ns(worker: dict) -> "list[int]":
    """From the start of each step to the start of the next, by the worker's own clock."""
    starts = [stamps[1] for stamps in worker["stepStamps"]]
    return [b - a for a, b in zip(starts, starts[1:])] or [worker["loopNs"]]
