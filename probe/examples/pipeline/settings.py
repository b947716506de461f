"""What one run of the pipeline is: the same settings in the launcher and in every worker."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Settings:
    """Sizes of the cluster and of its work. Every worker gets them whole, as JSON."""

    attention_ranks: int = 1
    expert_ranks: int = 1
    microbatches: int = 2
    layers: int = 8
    steps: int = 50
    tokens: int = 32  # of one micro-batch of one attention rank: one for each request
    experts: int = 8  # of all ranks; rank r has those with expert % expert_ranks == r
    seed: int = 1
    hidden_bytes: int = 512  # an activation on the wire
    attention_bytes: int = 6144  # hashed for a token with a context of 1024 tokens
    expert_bytes: int = 3072  # hashed for a token that was routed to an expert
    slow_rank: int = -1  # this expert rank does slow_factor times the work
    slow_factor: float = 2.0
    deployment: str = "pipeline"
    probe: bool = True
    mode: str = ""  # the probe's mode; empty: what the environment says
    flush_s: float = 10.0  # the probe may take this long at the end to send what is left
    limit_s: float = 120.0  # nothing waits longer than this for anything
    pause_s: float = 0.0  # attention rank 0 sleeps this long before every step
    block_steps: int = 0  # so many steps without the probe, then with it: blocks.py
    pin: bool = False  # each worker on a core of its own, the probe's threads on the same one
    out: str = ""  # folder of the measurements

    @property
    def topology(self) -> str:
        return f"{self.attention_ranks}A{self.expert_ranks}F"

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> "Settings":
        return Settings(**json.loads(text))


def check(settings: Settings) -> "str | None":
    """What is wrong with the settings, in words; None where nothing is."""
    if settings.attention_ranks < 1 or settings.expert_ranks < 1:
        return "--topology: at least 1A1F"
    if not 1 <= settings.microbatches <= 3:
        return f"--microbatches {settings.microbatches}: 1, 2 or 3"
    if settings.layers < 1 or settings.steps < 1:
        return "--layers and --steps: at least 1"
    if not 1 <= settings.tokens <= 1024:
        return f"--tokens {settings.tokens}: 1 to 1024"
    if settings.experts < settings.expert_ranks or settings.experts < 2:
        return f"--experts {settings.experts}: at least 2, and one for each expert rank"
    if settings.slow_rank >= settings.expert_ranks:
        last = settings.expert_ranks - 1
        return f"--slow-rank {settings.slow_rank}: expert ranks are 0 to {last}"
    if settings.slow_factor < 1:
        return f"--slow-factor {settings.slow_factor}: at least 1"
    return None
