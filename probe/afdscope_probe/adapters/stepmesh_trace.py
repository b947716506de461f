"""The eight times of ``fserver_lib.fetch_trace(handler)``, and the clock they are on.

Order, as the library's Python binding gives them (stepfun-ai/StepMesh at 03deae2):

    request  start, postsend   the attention host       postrecv, process   the FFN host
    response start, postsend   the FFN host             postrecv, process   the attention host

Each host's clock is its time-stamp counter divided by a whole number of 1/32 cycles per nanosecond that
was measured over 3 ms: its rate may be wrong by more than 1 %, and it has no epoch. So only times of one
host may be subtracted, and to place them in unix time the pair (``get_nanosecond()``, unix time) must be
read right after them; the rate comes from two pairs that lie apart. Builds without
STEPMESH_ENABLE_TRACE give zeros.

With several FFN servers the answers of all of them write to the same record: it is the last one's.
"""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional, Sequence, Tuple


class Trace(NamedTuple):
    """Nanoseconds; ``a_`` on the attention host's clock, ``f_`` on the FFN host's. ``a_rsp_done`` is 0
    in versions that do not set it."""

    a_req_start: int
    a_req_sent: int
    f_req_received: int
    f_req_taken: int
    f_rsp_start: int
    f_rsp_sent: int
    a_rsp_received: int
    a_rsp_done: int

    @property
    def ffn_process_ns(self) -> int:
        """From the request's delivery to the FFN's code until it answers."""
        return self.f_rsp_start - self.f_req_taken

    @property
    def server_overall_ns(self) -> int:
        """From arrival on the FFN host to its answer's sending."""
        return self.f_rsp_sent - self.f_req_received

    @property
    def network_ns(self) -> int:
        """Both ways together: the one figure that needs both hosts, and no common clock."""
        return self.a_rsp_received - self.a_req_sent - self.server_overall_ns

    @property
    def consistent(self) -> bool:
        """Whether each host's times are in their order and the network took no negative time."""
        return (
            0 < self.a_req_start <= self.a_req_sent <= self.a_rsp_received
            and 0 < self.f_req_received <= self.f_req_taken <= self.f_rsp_start <= self.f_rsp_sent
            and self.network_ns >= 0
        )


def parse(values: Sequence[int]) -> Optional[Trace]:
    """The record, or None where tracing is off (all zero). Raises ValueError for another number of values."""
    if len(values) != 8:
        raise ValueError(f"fetch_trace gave {len(values)} values, not 8")
    trace = Trace(*(int(value) for value in values))
    return trace if any(trace) else None


class MeshClock:
    """StepMesh nanoseconds of this host to unix time."""

    #: Pairs this far apart give the rate to some 10 ppm where one pair is right to 10 us.
    BASELINE_NS = 1_000_000_000

    def __init__(self, mesh_ns: Callable[[], int], unix_ns: Callable[[], int]) -> None:
        self._mesh_ns = mesh_ns
        self._unix_ns = unix_ns
        self._first: Optional[Tuple[int, int]] = None
        self._pair: Tuple[int, int] = (0, 0)
        self.error_ns = 0
        self.rate = 1.0

    def read(self) -> bool:
        """Take a pair now. False where the library gives no time."""
        before = self._unix_ns()
        mesh = self._mesh_ns()
        after = self._unix_ns()
        if mesh <= 0:
            return False
        self._pair = (mesh, (before + after) // 2)
        self.error_ns = (after - before + 1) // 2
        if self._first is None:
            self._first = self._pair
        span = mesh - self._first[0]
        if span >= self.BASELINE_NS:
            self.rate = (self._pair[1] - self._first[1]) / span
        return True

    def unix(self, mesh: int) -> int:
        """Unix nanoseconds of a time shortly before the latest pair. Before the rate is known, a time
        that lies 1 ms back is wrong by 10 us where the library's rate is wrong by 1 %."""
        return self._pair[1] - round((self._pair[0] - mesh) * self.rate)
