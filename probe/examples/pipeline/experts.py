"""An expert worker: waits for all attention ranks, computes, answers each."""

from frames import ROW, Connection, rows_of
from meter import Meter
from model import Experts
from settings import Settings


class ExpertWorker:
    """Takes the keys in the order in which attention sends them: micro-batches within layers."""

    def __init__(self, settings: Settings, rank: int, peers: "list[Connection]", meter: Meter):
        self._settings = settings
        self._model = Experts(settings, rank)
        self._peers = peers
        self._meter = meter
        self._step = 0

    def run_step(self, step: int) -> None:
        """Everything that attention sends in one step."""
        self._step = step
        for layer in range(self._settings.layers):
            for microbatch in range(self._settings.microbatches):
                self._serve(layer, microbatch)

    def _serve(self, layer: int, microbatch: int) -> None:
        run = self._meter.run
        peers = range(len(self._peers))
        frames = [
            run("a2f_recv", layer, microbatch, self._receive, layer, microbatch, peer)
            for peer in peers
        ]
        self._meter.received([(frame.sent_outer_ns, frame.sent_inner_ns) for frame in frames])
        answers = run("expert", layer, microbatch, self._compute, layer, frames)
        for peer in peers:
            run("f2a_send", layer, microbatch, self._send, layer, microbatch, peer, answers[peer])

    def _receive(self, layer: int, microbatch: int, peer: int):
        frame = self._peers[peer].receive(self._step, layer, microbatch)
        return frame, {"peer": peer, "bytes": frame.size_bytes}

    def _compute(self, layer: int, frames):
        counts = dict.fromkeys(self._model.local, 0)
        answers = []
        for frame in frames:
            rows = []
            for token, expert, activation in rows_of(frame.payload, self._settings.hidden_bytes):
                rows.append(ROW.pack(token, expert) + self._model.run(layer, expert, activation))
                counts[expert] += 1
            answers.append(rows)
        loads = list(counts.values())
        return answers, {
            "tokens": sum(loads),
            "expert_tokens": loads,
            "experts_active": sum(load > 0 for load in loads),
            "experts_max_tokens": max(loads),
            "experts_mean_tokens": sum(loads) / len(loads),
        }

    def _send(self, layer: int, microbatch: int, peer: int, rows):
        stamps = self._meter.stamps
        size = self._peers[peer].send(self._step, layer, microbatch, stamps, rows)
        return None, {"peer": peer, "tokens": len(rows), "bytes": size}

    def results(self) -> dict:
        return {}
