"""The sending thread: batches, retries, and a queue that is bounded in bytes.

What cannot be sent stays in the queue until the collector is back or newer steps need its room; the
oldest goes first, and is counted. While the collector is away the thread sleeps on its condition.
"""

from __future__ import annotations

import email.utils
import random
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Callable, Deque, List, Mapping, Optional, Sequence, Union
from urllib.parse import urlsplit

from .counters import Counters
from .otlp import PackedStep, partial_success, traces_request
from .transport import Answer, NoAnswer, Transport

RETRIED = (429, 502, 503, 504)
#: One request has no more payload bytes, steps and events than this.
BATCH_BYTES = 1 << 20
BATCH_STEPS = 512
BATCH_EVENTS = 1 << 20
#: Back-off of the n-th try: between 0 and BACKOFF_S * 2^n, never over MAX_BACKOFF_S.
BACKOFF_S = 0.5
MAX_BACKOFF_S = 30.0
#: A collector may ask for this much, not for more.
MAX_RETRY_AFTER_S = 300.0
#: What a waiting item takes beside its payload, about.
ITEM_BYTES = 200

PULL_HEADER = "afdscope-pull"


@dataclass(frozen=True)
class MetricsBody:
    """A whole metrics request; `events`: what it stands for (aggregates), for the counts."""

    payload: bytes
    events: int = 0


Item = Union[PackedStep, MetricsBody]


class Exporter:
    """Sends items in their order. `put` never blocks."""

    def __init__(
        self,
        transport: Transport,
        traces_url: str,
        metrics_url: str,
        resource: bytes,
        version: str,
        counters: Counters,
        queue_bytes: int,
        *,
        on_pull: Optional[Callable[[str], None]] = None,
        monotonic_s: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
        setup: Callable[[], None] = lambda: None,
    ) -> None:
        self._transport = transport
        self._traces_url = traces_url
        self._metrics_url = metrics_url
        self.resource = resource
        self._version = version
        self._counters = counters
        self._max_bytes = queue_bytes
        self._on_pull = on_pull
        self._monotonic_s = monotonic_s
        self._uniform = uniform
        self._setup = setup
        self._reset()

    def _reset(self) -> None:
        self._cond = threading.Condition()
        self._queue: Deque[Item] = deque()
        self._bytes = 0
        #: What is being sent; its bytes count as waiting.
        self._in_flight: List[Item] = []
        self._stopping = False
        self._failures = 0
        self._not_before_s = 0.0
        self._thread: Optional[threading.Thread] = None

    def after_fork(self, resource: bytes) -> None:
        """In the child: nothing of the parent's queue is sent again, and its socket is not used."""
        self._transport.after_fork()
        self.resource = resource
        self._reset()

    @property
    def queue_bytes(self) -> int:
        return self._bytes

    @property
    def failing(self) -> bool:
        """Did the last try fail?"""
        return self._failures > 0

    def put(self, items: Sequence[Item]) -> None:
        with self._cond:
            for item in items:
                self._queue.append(item)
                self._bytes += _size(item)
            self._bound()
            if self._thread is None and not self._stopping:
                self._start()
            self._cond.notify_all()

    def wait_idle(self, until_s: float) -> bool:
        """Until everything is sent; tries at once where it waits for a next try. False: not by then."""
        with self._cond:
            self._not_before_s = min(self._not_before_s, self._monotonic_s())
            self._cond.notify_all()
            if self._queue and self._thread is None:
                self._start()
            alone = self._thread is None
            while not alone and (self._queue or self._in_flight):
                left_s = until_s - self._monotonic_s()
                if left_s <= 0:
                    return False
                self._cond.wait(left_s)
        # The interpreter is ending, and starts no threads any more.
        return self.send_now(until_s) if alone else True

    def stop(self, until_s: float) -> None:
        """Ends the thread; what is left is counted as dropped."""
        with self._cond:
            self._stopping = True
            self._cond.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(0.0, until_s - self._monotonic_s()))
        with self._cond:
            # Whether what is still being sent arrives is not known; it is counted as lost.
            for item in (*self._in_flight, *self._queue):
                self._counters.drop("shutdown", _events(item))
            self._queue.clear()
            self._bytes = 0

    def send_now(self, until_s: float) -> bool:
        """In the calling thread, where no other can be started any more. False: not all is sent."""
        while self._monotonic_s() < until_s:
            with self._cond:
                if not self._queue:
                    return True
                batch = self._take()
            self._try(batch, max(0.05, until_s - self._monotonic_s()))
            if self._failures > 0:
                return False
        return not self._queue

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="afdscope-send", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The interpreter is ending: shutdown sends.
            return
        self._thread = thread

    def _run(self) -> None:
        cond = self._cond
        try:
            self._setup()
        except Exception as error:
            self._counters.error("thread set-up", error)
        while True:
            with cond:
                while not self._stopping:
                    if not self._queue:
                        cond.wait()
                        continue
                    wait_s = self._not_before_s - self._monotonic_s()
                    if wait_s <= 0:
                        break
                    cond.wait(wait_s)
                if self._stopping:
                    break
                batch = self._take()
            try:
                self._try(batch, None)
            except Exception as error:
                self._counters.error("sending", error)
                self._counters.drop("error", sum(map(_events, batch)))
                self._done(batch)
        self._transport.close()

    def _take(self) -> List[Item]:
        """The next request's items: one metrics body, or as many steps as go into one."""
        first = self._queue.popleft()
        batch = [first]
        if isinstance(first, PackedStep):
            size, events = len(first.payload), first.events
            # What is being sent cannot give way to what is newer: it is no more than half.
            most = min(BATCH_BYTES, self._max_bytes // 2)
            while self._queue and len(batch) < BATCH_STEPS:
                item = self._queue[0]
                if not isinstance(item, PackedStep):
                    break
                size += len(item.payload)
                events += item.events
                if size > most or events > BATCH_EVENTS:
                    break
                batch.append(self._queue.popleft())
        self._in_flight = batch
        return batch

    def _try(self, batch: List[Item], timeout_s: Optional[float]) -> None:
        first = batch[0]
        if isinstance(first, MetricsBody):
            body = first.payload
        else:
            steps = [item for item in batch if isinstance(item, PackedStep)]
            body = traces_request(self.resource, self._version, steps)
        try:
            answer = self._transport.post(self._url(batch), body, timeout_s)
        except NoAnswer as error:
            self._again(batch, None, f"{type(error).__name__}: {error}")
            return
        if answer.status in RETRIED:
            self._again(batch, _retry_after_s(answer.headers), f"HTTP {answer.status}")
            return
        self._answered(batch, answer, len(body))

    def _url(self, batch: List[Item]) -> str:
        return self._metrics_url if isinstance(batch[0], MetricsBody) else self._traces_url

    def _answered(self, batch: List[Item], answer: Answer, body_bytes: int) -> None:
        counters = self._counters
        events = sum(map(_events, batch))
        if 200 <= answer.status < 300:
            rejected, message = partial_success(answer.body)
            if rejected > 0 and isinstance(batch[0], PackedStep):
                counters.drop("rejected", min(rejected, events))
            if rejected > 0 or message:
                counters.say("partial", "the collector refused %d events: %s", rejected, message)
            counters.add("sent_bytes", body_bytes)
            counters.add("sent_events", events - min(rejected, events))
            counters.add("requests")
            pull = answer.headers.get(PULL_HEADER)
        else:
            counters.drop("refused", events)
            counters.say("refused", "%s refused a request: HTTP %d %s%r", shown(self._url(batch)), answer.status,
                         f"to {answer.headers['location']} " if "location" in answer.headers else "",
                         answer.body[:200])
            pull = None
        self._done(batch)
        if pull and self._on_pull is not None:
            try:
                self._on_pull(pull)
            except Exception as error:
                counters.error("pull", error)

    def _done(self, batch: List[Item]) -> None:
        with self._cond:
            self._failures = 0
            self._not_before_s = 0.0
            self._in_flight = []
            self._bytes = max(0, self._bytes - sum(map(_size, batch)))
            self._cond.notify_all()

    def _again(self, batch: List[Item], after_s: Optional[float], why: str) -> None:
        """Puts the batch back to the front, and says when to try next."""
        self._counters.add("retries")
        self._counters.say("retry", "the collector at %s does not take steps (%s); they wait, in at most %d bytes",
                           shown(self._url(batch)), why, self._max_bytes)
        with self._cond:
            most_s = min(MAX_BACKOFF_S, BACKOFF_S * 2 ** min(self._failures, 16))
            # Whoever says "at once" again and again is not asked again and again without a pause.
            wait_s = max(self._uniform(0.0, most_s), after_s or 0.0)
            self._failures += 1
            self._not_before_s = self._monotonic_s() + wait_s
            if self._stopping:
                return
            self._queue.extendleft(reversed(batch))
            self._in_flight = []
            self._bound()
            self._cond.notify_all()

    def _bound(self) -> None:
        """Drops the oldest items beyond the bound."""
        while self._bytes > self._max_bytes and self._queue:
            item = self._queue.popleft()
            self._bytes -= _size(item)
            self._counters.drop("queue_full", _events(item))


def shown(url: str) -> str:
    """The address without what may be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _size(item: Item) -> int:
    return len(item.payload) + ITEM_BYTES


def _events(item: Item) -> int:
    return item.events


def _retry_after_s(headers: Mapping[str, str]) -> Optional[float]:
    """Seconds, or a date as HTTP has it; None where it says nothing that can be used."""
    text = headers.get("retry-after", "").strip()
    if text == "":
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return None
    if seconds != seconds:
        return None
    return min(max(0.0, seconds), MAX_RETRY_AFTER_S)
