"""Entry point of vLLM's ``vllm.general_plugins``, which every vLLM process calls where the package is installed."""

from __future__ import annotations

import os


def register() -> None:
    """The probe and its adapters, if ``AFDSCOPE_PROBE_ADAPTERS`` names ``vllm`` or ``all``; else nothing."""
    names = {name.strip() for name in os.environ.get("AFDSCOPE_PROBE_ADAPTERS", "").split(",")}
    if names & {"vllm", "all"}:
        from . import auto

        auto.begin()
