"""A worker for pull.test.ts: a step every 20 ms until its input ends; then a line of JSON about them."""

import json
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "probe"))

import afdscope_probe as afdscope
from afdscope_probe.sampling import is_sent

LAYERS = 4

probe = afdscope.start(role="attention", rank=0, deployment="prod")
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
starts = []
while not ended.is_set():
    number = len(starts)
    starts.append(probe.now_unix_ns())
    with probe.step(number):
        for layer in range(LAYERS):
            with probe.stage("attention", layer, 0, tokens=number):
                time.sleep(0.001)
    if number % 10 == 0:
        print(number, flush=True)
    ended.wait(0.02)
flushed = probe.flush(20)
print(json.dumps({
    "startsUnixMs": [start / 1e6 for start in starts],
    "sampled": [number for number in range(len(starts)) if is_sent(number, 8)],
    "flushed": flushed,
    "stats": probe.stats(),
}), flush=True)
