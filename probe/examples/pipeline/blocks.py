"""Blocks of steps with the probe and without, in one run of the same processes: what it costs.

Other programs disturb a machine for seconds, so that two runs differ by more than a probe costs;
two blocks that follow each other differ less. The order is without, with, with, without, and so on:
each kind comes first as often, and two of a kind that follow each other show the noise.
"""

import time


def is_with_probe(block: int) -> bool:
    return block % 4 in (1, 2)


def run_blocks(settings, worker, meter, probe) -> "list[dict]":
    """Runs all steps; each block's times. Its first step is left out: peers were still sending."""
    blocks = []
    for first in range(0, settings.steps, settings.block_steps):
        used = probe if is_with_probe(len(blocks)) else None
        meter.use(used)
        events = meter.events
        start_cpu_ns, start_thread_ns = time.process_time_ns(), time.thread_time_ns()
        step_ns = []
        for step in range(first, min(first + settings.block_steps, settings.steps)):
            start_ns = time.perf_counter_ns()
            if used is not None:
                used.begin_step(step, phase="decode")
            worker.run_step(step)
            if used is not None:
                used.end_step()
            step_ns.append(time.perf_counter_ns() - start_ns)
            meter.step_done()
        thread_ns = time.thread_time_ns() - start_thread_ns
        if used is not None:
            used.flush(settings.flush_s)  # what the block recorded is encoded and sent within it
        blocks.append(
            {
                "probe": used is not None,
                "stepNs": step_ns[1:],
                "threadNs": thread_ns,  # of the worker's own thread
                "cpuNs": time.process_time_ns() - start_cpu_ns,  # of all threads
                "events": meter.events - events,
            }
        )
    return blocks
