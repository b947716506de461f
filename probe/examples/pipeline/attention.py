"""An attention worker: every layer of every micro-batch crosses to the experts and comes back."""

from hashlib import blake2b

from frames import ROW, Connection, rows_of
from meter import Meter
from model import DIGEST_BYTES, Attention
from settings import Settings


class AttentionWorker:
    """Sends all micro-batches of a layer before it waits for the first one's answer."""

    def __init__(self, settings: Settings, rank: int, peers: "list[Connection]", meter: Meter):
        self._settings = settings
        self._model = Attention(settings, rank)
        self._peers = peers
        self._meter = meter
        self._sampled = blake2b()
        self._step = 0

    def run_step(self, step: int) -> None:
        """One decode step: one more token for every request."""
        self._step = step
        last = self._settings.layers
        for layer in range(last):
            for microbatch in range(self._settings.microbatches):
                if layer > 0:
                    self._collect(layer - 1, microbatch)
                self._give_out(layer, microbatch)
        for microbatch in range(self._settings.microbatches):
            self._collect(last - 1, microbatch)
            self._meter.run("sample", -1, microbatch, self._sample, microbatch)

    def _give_out(self, layer: int, microbatch: int) -> None:
        run = self._meter.run
        pairs = run("attention", layer, microbatch, self._attend, layer, microbatch)
        for peer in range(len(self._peers)):
            run("a2f_send", layer, microbatch, self._send, layer, microbatch, peer, pairs)

    def _attend(self, layer: int, microbatch: int):
        self._model.attend(layer, microbatch)
        contexts = self._model.contexts[microbatch]
        return self._model.route(microbatch), {
            "tokens": len(contexts),
            "requests": len(contexts),
            "context_tokens": sum(contexts),
        }

    def _send(self, layer: int, microbatch: int, peer: int, pairs):
        ranks = len(self._peers)
        states = self._model.states[microbatch]
        repeats = self._settings.hidden_bytes // DIGEST_BYTES
        rows = [
            ROW.pack(token, expert) + states[token] * repeats
            for token, expert in pairs
            if expert % ranks == peer
        ]
        stamps = self._meter.stamps
        size = self._peers[peer].send(self._step, layer, microbatch, stamps, rows)
        return None, {"peer": peer, "tokens": len(rows), "bytes": size}

    def _collect(self, layer: int, microbatch: int) -> None:
        run = self._meter.run
        frames = [
            run("f2a_recv", layer, microbatch, self._receive, layer, microbatch, peer)
            for peer in range(len(self._peers))
        ]
        self._meter.received([(frame.sent_outer_ns, frame.sent_inner_ns) for frame in frames])
        run("combine", layer, microbatch, self._combine, microbatch, frames)

    def _receive(self, layer: int, microbatch: int, peer: int):
        frame = self._peers[peer].receive(self._step, layer, microbatch)
        return frame, {"peer": peer, "bytes": frame.size_bytes}

    def _combine(self, microbatch: int, frames):
        answers: "list[list[tuple[int, bytes]]]" = [[] for _ in range(self._settings.tokens)]
        for frame in frames:
            for token, expert, output in rows_of(frame.payload, DIGEST_BYTES):
                answers[token].append((expert, bytes(output)))
        outputs = [[output for _, output in sorted(parts)] for parts in answers]
        self._model.combine(microbatch, outputs)
        return None, {"tokens": len(outputs)}

    def _sample(self, microbatch: int):
        tokens = self._model.sample(microbatch)
        self._sampled.update(b"".join(token.to_bytes(4, "big") for token in tokens))
        return None, {"tokens": len(tokens)}

    def results(self) -> dict:
        """A digest of all tokens that were sampled: equal wherever the settings are."""
        return {"sampled": self._sampled.hexdigest()[:32]}
