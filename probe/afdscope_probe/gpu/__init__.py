"""Times of stages on the GPU (README.md here has what it needs and what it cannot do)."""

from __future__ import annotations

import os
import sys
import weakref
from typing import Optional

from ..counters import log
from ..probe import Probe
from .device import TorchDevice
from .graph import GraphMarks, GraphTimer
from .timer import GpuTimer

__all__ = ["GpuTimer", "GraphMarks", "GraphTimer", "timer_for"]

_timers: "weakref.WeakKeyDictionary[Probe, GpuTimer]" = weakref.WeakKeyDictionary()


def timer_for(probe: Probe) -> Optional[GpuTimer]:
    """The probe's GPU timer; None where stages are to be timed on the host: the probe does nothing, the
    process has not loaded torch, torch has no GPU, or AFDSCOPE_PROBE_GPU=0. CUDA is not initialised by
    this: until the worker has done it, the timer's stages have host times."""
    if not probe.enabled or os.environ.get("AFDSCOPE_PROBE_GPU", "").strip() == "0":
        return None
    timer = _timers.get(probe)
    if timer is not None:
        return timer
    torch = sys.modules.get("torch")
    try:
        if torch is None or not torch.cuda.is_available():
            return None
        text = os.environ.get("AFDSCOPE_PROBE_GPU_INDEX", "").strip()
        timer = GpuTimer(probe, TorchDevice(torch, int(text) if text else None))
    except Exception as error:
        log.warning("stages have host times: %s: %s", type(error).__name__, error)
        return None
    _timers[probe] = timer
    return timer
