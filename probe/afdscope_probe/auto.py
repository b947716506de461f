"""Importing this starts the probe from the environment and switches the adapters on.

    python -c 'import afdscope_probe.auto; import engine; engine.main()'
    echo 'import afdscope_probe.auto' > "$(python -c 'import site; print(site.getsitepackages()[0])')/afdscope.pth"

vLLM finds it by itself (entry point ``vllm.general_plugins``, plugin.py) where the package is installed
and ``AFDSCOPE_PROBE_ADAPTERS`` names ``vllm`` or ``all``. No engine and no torch is imported by this.

Where role and rank are in the environment the probe starts at once; else it starts when the engine's
connector says who the worker is, so that API servers and engine cores send nothing.
"""

from __future__ import annotations

import logging
import os
from typing import Any, Dict, Mapping, Optional

from . import adapters
from .settings import parse_pairs, switched_off
from .start import get_probe, start

_log = logging.getLogger("afdscope_probe")

#: Argument of ``start`` -> the resource attribute that wins over it when the environment has it.
_ATTRIBUTES = {
    "role": "afd.role",
    "rank": "afd.rank",
    "topology": "afd.topology",
    "microbatches": "afd.microbatches",
    "layers": "afd.layers",
    "model": "gen_ai.request.model",
    "connector": "afd.connector",
}

_begun = False


def begin() -> Dict[str, Dict[str, str]]:
    """What the import does; a second time nothing. Returns the adapters' report."""
    global _begun
    if _begun or switched_off():
        return adapters.report()
    _begun = True
    names = [name.strip() for name in os.environ.get("AFDSCOPE_PROBE_ADAPTERS", "").split(",") if name.strip()]
    if names != ["none"]:
        adapters.enable(None if not names or "all" in names else names, told)
    given = _given()
    rank = rank_of(os.environ, given)
    if "afd.role" in given and rank is not None:
        start(rank=rank)
    elif "afd.role" in given and names == ["generic"]:
        _log.warning("afdscope: no afd.rank in OTEL_RESOURCE_ATTRIBUTES, and no RANK: the worker counts as rank 0")
        start()
    return adapters.report()


def told(facts: Dict[str, Any]) -> None:
    """An engine says who this worker is: the probe starts, if it has not. The environment's word wins."""
    if get_probe().enabled or switched_off():
        return
    given = _given()
    mine = {name: value for name, value in facts.items() if _ATTRIBUTES.get(name, name) not in given}
    resource = {key: value for key, value in (facts.get("resource") or {}).items() if key not in given}
    resource.setdefault("afd.timing", "host")  # the GPU timer says otherwise when it has times
    mine["resource"] = resource
    rank = rank_of({}, given)
    if rank is not None:
        mine["rank"] = rank
    start(**mine)


def rank_of(env: Mapping[str, str], given: Mapping[str, str]) -> Optional[int]:
    """The rank that the environment gives: afd.rank, a numeric service.instance.id, or torchrun's RANK."""
    for text in (given.get("afd.rank"), given.get("service.instance.id"), env.get("RANK")):
        if text is not None and text.strip().isdigit():
            return int(text)
    return None


def _given() -> Dict[str, str]:
    try:
        return parse_pairs(os.environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    except ValueError:
        return {}


begin()
