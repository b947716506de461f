"""Whether the present call is a compiler's or a graph capture's, without ever importing torch.

``compiling()`` is the first thing a wrapper asks: while Dynamo traces it is folded to True, so that
nothing but the wrapped function is traced.
"""

from __future__ import annotations

import sys
from typing import Any, Callable

from . import imports


def _no() -> bool:
    return False


compiling: Callable[[], bool] = _no
#: Whether the current CUDA stream is recording a graph: then times are of the recording, not of a run.
capturing: Callable[[], bool] = _no
#: Whether torch is there, as far as was seen.
has_torch = False


def bind(torch: Any = None) -> None:
    """Take torch's own questions where torch is loaded; called at every wrapping and when torch arrives."""
    global compiling, capturing, has_torch
    torch = torch or sys.modules.get("torch")
    if torch is None or not imports.is_ready(torch):
        return
    question = getattr(getattr(torch, "compiler", None), "is_compiling", None)
    if question is None:  # before torch 2.1
        question = getattr(getattr(torch, "_dynamo", None), "is_compiling", None)
    compiling = question or _no
    cuda = getattr(torch, "cuda", None)
    is_capturing = getattr(cuda, "is_current_stream_capturing", None)
    is_ready = getattr(cuda, "is_initialized", None)
    if is_capturing is not None and is_ready is not None:
        capturing = lambda: is_ready() and is_capturing()  # noqa: E731
    has_torch = True
