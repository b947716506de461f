"""Stages timed by events in the GPU's streams.

    begin, end     an event each, recorded where the stage's kernels are queued; nothing else happens here
    next step      the step's group is closed; the step itself is held open
    resolver       when the last event of a closed group is done: differences, host times, `probe.record`

The device is never waited for. Asking about events contends with launches, so that only the last event
of a group (in each stream that it has) is asked about, once in POLL_S.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Callable, Deque, Dict, Hashable, List, Optional, Tuple, Union

from ..probe import Probe
from .anchors import Anchors
from .device import Device

if TYPE_CHECKING:
    from .graph import GraphMarks

POLL_S = 0.02
#: A group whose last event is not done this long after it was closed is given up (the probe holds steps
#: for two seconds).
GIVE_UP_S = 1.9
#: Events that exist at most: 2 for each stage of some ten steps.
POOL_EVENTS = 32_768
#: The resolver lets go of the GIL after so many stages.
GIVE_WAY_MARKS = 16
GIVE_WAY_S = 50e-6
MAX_ERRORS = 10

Fields = Dict[str, Any]
Step = Tuple[Optional[int], Optional[int]]


def give_way(index: int) -> None:
    """Between stages: the worker's thread may want the GIL, and would wait for 5 ms."""
    if index % GIVE_WAY_MARKS == GIVE_WAY_MARKS - 1:
        time.sleep(GIVE_WAY_S)


class Mark:
    """One stage, of a step or replay (`Group`) or of a captured graph (`GraphMarks`)."""

    __slots__ = ("owner", "begun", "ended", "stage", "layer", "microbatch", "fields")

    def __init__(
        self, owner: "Union[Group, GraphMarks]", begun: Any, stage: str, layer: int, microbatch: int,
        fields: Fields,
    ) -> None:
        self.owner = owner
        self.begun = begun
        self.ended: Any = None
        self.stage = stage
        self.layer = layer
        self.microbatch = microbatch
        self.fields = fields

    def end(self, event: Any, fields: Fields) -> None:
        """`fields` add to those that it began with."""
        if fields:
            self.fields = {**self.fields, **fields}
        self.ended = event


class Group:
    """The stages of one step, or of one replay."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.marks: List[Mark] = []
        #: The last event in each stream.
        self.last: Dict[Hashable, Any] = {}
        self.events: List[Any] = []
        self.closed_s = 0.0
        #: Nothing is added any more: it is being read.
        self.sealed = False
        self.taken = False

    def size(self) -> int:
        """Stages, ended or not."""
        return len(self.marks)

    def origin(self) -> Any:
        """The event that the others' times are counted from."""
        return self.marks[0].begun if self.marks else None

    def spans(self, device: Device, count: Callable[[str, int], None]) -> "List[tuple[Mark, float, float]]":
        """(mark, start, duration) of every stage, ns from the origin."""
        origin = self.origin()
        spans = []
        for index, mark in enumerate(self.marks):
            if mark.ended is None:
                count("gpu_not_ended", 1)
                continue
            start_ms = 0.0 if mark.begun is origin else device.elapsed_ms(origin, mark.begun)
            duration_ms = device.elapsed_ms(mark.begun, mark.ended)
            spans.append((mark, start_ms * 1e6, duration_ms * 1e6))
            give_way(index)
        return spans


class GpuTimer:
    """One for each probe. `begin`, `end` and `next` are the worker's thread's."""

    def __init__(
        self,
        probe: Probe,
        device: Device,
        *,
        pool_events: int = POOL_EVENTS,
        thread: bool = True,
        perf_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._probe = probe
        self._device = device
        self._perf_ns = perf_ns
        self._free: Deque[Any] = deque()
        self._made = 0
        self._pool_events = pool_events
        self._lock = threading.Lock()
        self._poll_lock = threading.Lock()
        self._group: Optional[Group] = None
        self._closed: Deque[Group] = deque()
        self._anchors = Anchors(device, perf_ns)
        self._errors = 0
        self._wake = threading.Event()
        self._stopping = False
        self._wants_thread = thread
        self._asks_itself = False
        self._thread: Optional[threading.Thread] = None
        #: Where stages go while a graph is captured (graph.py).
        self.capture: Any = None
        self._timing = "host"

    @property
    def timing(self) -> str:
        """How stages are timed now, the resource attribute `afd.timing`: host, cuda_event, cuda_graph."""
        return self._timing

    @property
    def device(self) -> Device:
        return self._device

    @property
    def clock_error_ns(self) -> int:
        """By how much the newest step's times may be off on the host's clock; 0: none was resolved."""
        return self._anchors.error_ns

    # What a worker calls.

    def begin(self, stage: str, layer: int = -1, microbatch: int = -1, **fields: Any) -> Any:
        """The stage starts where the current stream is now. Gives the mark that `end` wants."""
        try:
            if self._errors >= MAX_ERRORS or not self._device.ready():
                return self._on_host(stage, layer, microbatch, fields)
            if self._device.is_capturing():
                if self.capture is None:
                    self.count("gpu_captured", 1)
                    return None
                return self.capture.begin(stage, layer, microbatch, **fields)
            group = self._current_group()
            event = self.new_event()
            if event is None:
                return None
            self.record(group, event)
            return self._mark(group, event, stage, layer, microbatch, fields)
        except Exception as error:
            self.failed("gpu begin", error)
            return None

    def end(self, mark: Any, **fields: Any) -> None:
        """The stage ends where the current stream is now."""
        try:
            self._end(mark, fields, None)
        except Exception as error:
            self.failed("gpu end", error)

    def next(
        self, mark: Any, stage: str, layer: int = -1, microbatch: int = -1, **fields: Any
    ) -> Any:
        """Ends one stage and begins the next at the same place of the same stream: one event for both."""
        try:
            group = self._group
            if group is None or not isinstance(mark, Mark) or mark.owner is not group or mark.ended is not None:
                self.end(mark)
                return self.begin(stage, layer, microbatch, **fields)
            event = self.new_event()
            if event is None:
                return None
            self._end(mark, {}, event)
            return self._mark(group, event, stage, layer, microbatch, fields)
        except Exception as error:
            self.failed("gpu next", error)
            return None

    def _on_host(self, stage: str, layer: int, microbatch: int, fields: Fields) -> Any:
        self.say_timing("host")
        return ("host", self._probe.begin(stage, layer, microbatch), fields)

    def _end(self, mark: Any, fields: Fields, event: Any) -> None:
        if mark is None:
            return
        if isinstance(mark, tuple):
            self._probe.end(mark[1], **{**mark[2], **fields})
            return
        group = mark.owner
        if not isinstance(group, Group):
            group.end(mark, **fields)
            return
        if mark.ended is not None or group.sealed:
            self.count("gpu_ends_too_late", 1)
            return
        if event is None:
            event = self.new_event()
            if event is None:
                return
        self.record(group, event)
        mark.end(event, fields)

    def _mark(
        self, group: Group, event: Any, stage: str, layer: int, microbatch: int, fields: Fields
    ) -> Mark:
        mark = Mark(group, event, stage, layer, microbatch, fields)
        group.marks.append(mark)
        return mark

    def record(self, group: Group, event: Any) -> None:
        """Puts an event of the group into the current stream."""
        group.events.append(event)
        stream = self._device.record(event)
        group.last[stream] = event

    def new_event(self) -> Any:
        """An event of the pool; None where all are in use, which is counted."""
        try:
            return self._free.popleft()
        except IndexError:
            pass
        if self._made >= self._pool_events:
            self._probe.counters.drop("gpu_pool", 1)
            return None
        self._made += 1
        return self._device.new_event()

    # Groups.

    def _current_group(self) -> Group:
        step = self.open_step()
        group = self._group
        if group is not None and group.step == step:
            return group
        fresh = Group(step)
        with self._lock:
            if self._group is not None:
                self._close(self._group)
            self._group = fresh
        self.hold(step)
        self.say_timing("cuda_event" if self._timing != "cuda_graph" else "cuda_graph")
        self._start()
        if self._asks_itself:
            self.poll()
        return fresh

    def usable(self) -> bool:
        """May events be recorded into the current stream now?"""
        device = self._device
        return self._errors < MAX_ERRORS and device.ready() and not device.is_capturing()

    def open_step(self) -> Step:
        return self._probe.open_step()

    def hold(self, step: Step) -> None:
        """The step is sent when this group is resolved, too."""
        if step[0] is not None:
            self._probe.hold_step(step[0], step[1])

    def _release(self, step: Step) -> None:
        if step[0] is not None:
            self._probe.release_step(step[0], step[1])

    def submit(self, group: Group, is_whole: bool) -> None:
        """A group that has ended; not whole: nothing of it can be used."""
        if not is_whole:
            self._made -= len(group.events)
            self._release(group.step)
            return
        with self._lock:
            self._close(group)
        self._start()

    def _close(self, group: Group) -> None:
        group.closed_s = self._perf_ns() / 1e9
        self._closed.append(group)

    # The resolver.

    def _start(self) -> None:
        if not self._wants_thread:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="afdscope-gpu", daemon=True)
            self._thread.start()
        self._wake.set()

    def _run(self) -> None:
        try:
            if not self._device.enter_thread():
                # Asking from here could spoil a capture: the worker's own thread asks, between steps.
                self._wants_thread, self._asks_itself = False, True
                return
        except Exception as error:
            self.failed("gpu thread", error)
            self._wants_thread, self._asks_itself = False, True
            return
        while not self._stopping:
            self._wake.wait()
            self._wake.clear()
            while not self._stopping and (self._group is not None or self._closed):
                time.sleep(POLL_S)
                self.poll()

    def close(self) -> None:
        """Ends the thread; what is not resolved is counted and not sent."""
        self._stopping = True
        self._wake.set()

    def poll(self) -> None:
        """Sends the stages of all groups that are done. Never raises, never waits for the device."""
        try:
            with self._poll_lock:
                self._close_ended()
                while self._closed:
                    group = self._closed[0]
                    try:
                        if not self._resolved(group):
                            return
                    except Exception:
                        self._give_up(group, "gpu_error")
                        raise
                    finally:
                        if group.taken:
                            self._closed.popleft()
        except Exception as error:
            self.failed("gpu poll", error)

    def _close_ended(self) -> None:
        with self._lock:
            group = self._group
            if group is not None and self._probe.open_step() != group.step:
                self._group = None
                self._close(group)

    def _resolved(self, group: Group) -> bool:
        """True: the group is dealt with."""
        device = self._device
        group.sealed = is_done = all(device.is_done(event) for event in list(group.last.values()))
        clock = self._anchors.host_ns(group.origin()) if is_done and group.size() > 0 else None
        if not is_done or (clock is None and group.size() > 0):
            if self._perf_ns() / 1e9 - group.closed_s < GIVE_UP_S:
                return False
            self._give_up(group, "gpu_no_clock" if is_done else "gpu_unresolved")
            return True
        try:
            if clock is not None:
                self._send(group, *clock)
        finally:
            group.taken = True
            self._free.extend(group.events)
            self._release(group.step)
        return True

    def _give_up(self, group: Group, reason: str) -> None:
        if group.taken:
            return
        group.taken = True
        self._probe.counters.drop(reason, group.size())
        # Its events may still be waiting in a stream: they are left alone, and others made.
        self._made -= len(group.events)
        self._release(group.step)

    def _send(self, group: Group, origin_ns: int, rate: float) -> None:
        spans = group.spans(self._device, self.count)
        origin_unix_ns = origin_ns + self._probe.clock.offset_ns
        step, domain = group.step
        for index, (mark, start_ns, duration_ns) in enumerate(spans):
            give_way(index)
            self._probe.record(
                mark.stage,
                origin_unix_ns + round(start_ns * rate),
                max(0, round(duration_ns)),
                mark.layer,
                mark.microbatch,
                step=step,
                domain=domain,
                **mark.fields,
            )
        self.count("gpu_stages", len(spans))
        self._errors = 0

    # The rest.

    def say_timing(self, timing: str) -> None:
        """From now on the worker's resource says that stages are timed so."""
        if timing != self._timing:
            self._timing = timing
            self._probe.set_resource("afd.timing", timing)

    def count(self, name: str, count: int) -> None:
        self._probe.counters.add(name, count)

    def say_once(self, topic: str, text: str) -> None:
        self._probe.counters.say(topic, "%s", text)

    def failed(self, where: str, error: Exception) -> None:
        self._errors += 1
        self._probe.counters.error(where, error)
        if self._errors == MAX_ERRORS:
            self._probe.counters.say(
                "gpu off", "GPU timing failed %d times in a row: host times from now on", MAX_ERRORS
            )
