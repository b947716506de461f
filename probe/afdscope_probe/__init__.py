"""afdscope_probe: measures the stages of an AFD worker and sends them to afdscope.

    import afdscope_probe as afdscope

    probe = afdscope.start(role="attention", rank=0, deployment="prod")
    with probe.step(12):
        mark = probe.begin("attention", 3, 0)
        ...
        probe.end(mark, tokens=128)
"""

from __future__ import annotations

from .start import get_probe, start
from .probe import Probe
from .version import __version__

__all__ = ["Probe", "__version__", "get_probe", "start"]
