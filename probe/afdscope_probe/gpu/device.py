"""What the timer needs of a GPU, and torch's CUDA as that. Nothing here waits for the device."""

from __future__ import annotations

import ctypes
from typing import Any, Hashable, Optional, Protocol

#: "A resolution of around 0.5 microseconds" (CUDA runtime API, cudaEventElapsedTime).
EVENT_RESOLUTION_NS = 500


class GraphEventsUnsupported(RuntimeError):
    """This torch, or this platform, has no events inside of graphs."""


class Device(Protocol):
    """One GPU. Events are opaque; what raises is caught and counted by the timer."""

    def ready(self) -> bool:
        """Is the device in use already? The timer never initialises it."""

    def new_event(self) -> Any:
        """An event that keeps times."""

    def new_graph_event(self) -> Any:
        """One that becomes a record node where it is recorded during a capture.
        Raises GraphEventsUnsupported."""

    def record(self, event: Any) -> Hashable:
        """Into the caller's current stream, which it names."""

    def record_aside(self, event: Any) -> None:
        """Into a stream of the timer's own, in which nothing else is."""

    def is_done(self, event: Any) -> bool:
        """Has everything before it ended? Never waits."""

    def elapsed_ms(self, start: Any, end: Any) -> float:
        """A float32. Raises where one of them is not done."""

    def is_capturing(self) -> bool:
        """Is the caller's current stream being captured into a graph?"""

    def enter_thread(self) -> bool:
        """Makes the calling thread one that may ask about events while other threads capture.
        False: it may not."""


class TorchDevice:
    """`torch.cuda`, of whatever release has events with times. `index` None: the device that is current in
    the worker's thread when the first stage begins. No other one is touched: that would take memory there."""

    def __init__(self, torch: Any, index: Optional[int]) -> None:
        self._torch = torch
        self._cuda = torch.cuda
        self._index = index
        self._aside: Any = None

    def ready(self) -> bool:
        if not self._cuda.is_initialized():
            return False
        if self._index is None:
            self._index = int(self._cuda.current_device())
        return True

    def new_event(self) -> Any:
        return self._cuda.Event(enable_timing=True)

    def new_graph_event(self) -> Any:
        if getattr(self._torch.version, "hip", None):
            raise GraphEventsUnsupported("ROCm keeps no times of events inside of graphs")
        try:
            return self._cuda.Event(enable_timing=True, external=True)
        except TypeError:
            raise GraphEventsUnsupported(
                f"torch {self._torch.__version__} has no torch.cuda.Event(external=True)"
            ) from None

    def record(self, event: Any) -> Hashable:
        stream = self._cuda.current_stream()
        event.record(stream)
        key: Hashable = stream.cuda_stream
        return key

    def record_aside(self, event: Any) -> None:
        if self._aside is None:
            self._aside = self._cuda.Stream(self._index, priority=-1)
        event.record(self._aside)

    def is_done(self, event: Any) -> bool:
        return bool(event.query())

    def elapsed_ms(self, start: Any, end: Any) -> float:
        return float(start.elapsed_time(end))

    def is_capturing(self) -> bool:
        return bool(self._cuda.is_current_stream_capturing())

    def enter_thread(self) -> bool:
        self._cuda.set_device(self._index)
        if getattr(self._torch.version, "hip", None):
            # hipEventQuery spoils captures of other threads in every mode.
            return False
        return exchange_capture_mode()


#: cudaStreamCaptureModeThreadLocal
THREAD_LOCAL = 1


def exchange_capture_mode() -> bool:
    """In this thread cudaEventQuery no longer spoils captures that other threads have under way: by
    default it does (torch's NCCL watchdog does the same, pytorch#148594). False: there is no CUDA
    runtime to be found in this process."""
    path = _loaded_library("libcudart.so")
    if path is None:
        return False
    mode = ctypes.c_int(THREAD_LOCAL)
    code = ctypes.CDLL(path).cudaThreadExchangeStreamCaptureMode(ctypes.byref(mode))
    return bool(code == 0)


def _loaded_library(name: str) -> "str | None":
    """The file of a library that this process has loaded: a second copy would know nothing of it."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            for line in maps:
                path = line.rstrip("\n").partition("/")[2]
                if path and name in path.rsplit("/", 1)[-1]:
                    return "/" + path
    except OSError:
        pass
    return None
