"""The probe of a process in which none is wanted."""

from __future__ import annotations

import time
from typing import Any, Dict, Optional, Tuple

from .hooks import MetricSource
from .probe import Probe
from .settings import Attribute


class NullProbe(Probe):
    """Does nothing, at the cost of a call."""

    enabled = False

    def __init__(self) -> None:
        pass

    def begin(self, stage: str, layer: int = -1, microbatch: int = -1) -> int:
        return -1

    def end(self, mark: int, /, **fields: Any) -> None:
        pass

    def record(self, *args: Any, **measures: Any) -> None:
        pass

    def begin_step(self, step: int, phase: str = "decode", domain: Optional[int] = None) -> None:
        pass

    def end_step(self, step: Optional[int] = None, domain: Optional[int] = None) -> None:
        pass

    def hold_step(self, step: int, domain: Optional[int] = None) -> None:
        pass

    def release_step(self, step: int, domain: Optional[int] = None) -> None:
        pass

    def open_step(self) -> Tuple[Optional[int], Optional[int]]:
        return None, None

    def set_resource(self, key: str, value: Attribute) -> None:
        pass

    def now_unix_ns(self) -> int:
        return time.time_ns()

    def add_metric_source(self, source: MetricSource, period_s: float = 10.0) -> None:
        pass

    def flush(self, timeout_s: float = 5.0) -> bool:
        return True

    def shutdown(self, timeout_s: float = 5.0) -> None:
        pass

    def stats(self) -> Dict[str, int]:
        return {}

    def after_fork_in_child(self) -> None:
        pass
