"""What the workers compute: hashes in place of matrix products.

A token's state is a digest of 64 bytes. Attention hashes it with as many bytes of a "KV cache" as
its request's context is long; an expert hashes the activation with its "weights"; both amounts are
calibrated to a time. hashlib lets go of the GIL for pieces of 2 KiB and more, as a call that waits
for a GPU does. Every result depends on every byte that went over the wire, and on nothing else: two
runs with the same settings sample the same tokens, whatever they are measured with.
"""

import random
import time
from hashlib import blake2b

from settings import Settings

DIGEST_BYTES = 64
MAX_CONTEXT = 4096
VOCABULARY = 32768
TOP_K = 2


class Attention:
    """Attention, gate, combine and sampling of one attention rank."""

    def __init__(self, settings: Settings, rank: int):
        self._settings = settings
        draw = random.Random(f"{settings.seed}:attention")
        longest = settings.attention_bytes * MAX_CONTEXT // 1024 + 64 * settings.layers
        self._cache = memoryview(draw.randbytes(longest))
        # A byte of the digest chooses the expert: few entries of the table make an expert rare.
        self._gate = [draw.randrange(settings.experts) for _ in range(256)]
        own = random.Random(f"{settings.seed}:attention:{rank}")
        shape = range(settings.microbatches), range(settings.tokens)
        self.states = [[own.randbytes(DIGEST_BYTES) for _ in shape[1]] for _ in shape[0]]
        self.contexts = [[own.randrange(512, 1536) for _ in shape[1]] for _ in shape[0]]

    def attend(self, layer: int, microbatch: int) -> None:
        """One layer's attention for every token of the micro-batch."""
        per_context = self._settings.attention_bytes / 1024
        offset = 64 * layer
        states = self.states[microbatch]
        for token, context in enumerate(self.contexts[microbatch]):
            state = blake2b(states[token])
            state.update(self._cache[offset : offset + int(per_context * context)])
            states[token] = state.digest()

    def route(self, microbatch: int) -> "list[tuple[int, int]]":
        """(token, expert) for each token's two experts."""
        pairs = []
        for token, state in enumerate(self.states[microbatch]):
            first, second = self._gate[state[0]], self._gate[state[1]]
            if second == first:
                second = (first + 1) % self._settings.experts
            pairs += ((token, first), (token, second))
        return pairs

    def combine(self, microbatch: int, outputs: "list[list[bytes]]") -> None:
        """outputs[token]: what its experts answered, in the order of the experts' numbers."""
        states = self.states[microbatch]
        for token, parts in enumerate(outputs):
            states[token] = blake2b(states[token] + b"".join(parts)).digest()

    def sample(self, microbatch: int) -> "list[int]":
        """The next token of every request, whose context is one longer now."""
        contexts = self.contexts[microbatch]
        for token, context in enumerate(contexts):
            contexts[token] = min(context + 1, MAX_CONTEXT)
        return [int.from_bytes(state[:4], "big") % VOCABULARY for state in self.states[microbatch]]


class Experts:
    """The experts of one expert rank."""

    def __init__(self, settings: Settings, rank: int):
        self.local = [e for e in range(settings.experts) if e % settings.expert_ranks == rank]
        self._bytes = settings.expert_bytes
        slow = settings.slow_factor - 1 if rank == settings.slow_rank else 0
        self._more_bytes = int(slow * settings.expert_bytes)
        size = max(self._bytes, self._more_bytes) + 64 * settings.layers
        self._weights = {
            e: memoryview(random.Random(f"{settings.seed}:expert:{e}").randbytes(size))
            for e in self.local
        }

    def run(self, layer: int, expert: int, activation: "bytes | memoryview") -> bytes:
        """One token through one expert: its output, 64 bytes."""
        offset = 64 * layer
        weights = self._weights[expert]
        output = blake2b(activation)
        output.update(weights[offset : offset + self._bytes])
        if self._more_bytes > 0:
            blake2b(weights[: self._more_bytes])  # a slow device: more time, the same answer
        return output.digest()


def hash_rate_bytes_per_us() -> float:
    """How much of such hashing a microsecond holds here: the best of some tries."""
    block = bytes(8192)
    best = float("inf")
    for _ in range(20):
        start = time.perf_counter_ns()
        for _ in range(50):
            blake2b(block).digest()
        best = min(best, time.perf_counter_ns() - start)
    return 50 * len(block) * 1000 / best
