"""Readings of the worker's GPU by NVML (the package nvidia-ml-py, module pynvml), as OTLP gauges under the
names that the collector knows (docs/schema.md, "Metrics"), joined to the worker by `hw.id`.

Off unless AFDSCOPE_PROBE_GPU_METRICS_S says how often; a cluster with dcgm-exporter does not need it
(docs/connect/gpu-metrics.md). What a GPU does not have is asked for once and then left alone.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from typing import Any, Callable, List, Mapping, Optional, Tuple

from .counters import log
from .otlp import Metric, Point
from .probe import Probe

Reading = Tuple[str, str, float]

#: GPU performance monitoring (Hopper and later): NVML's metric, the DCGM field that means the same.
#: Percentages of the time between two samples.
GPM_FIELDS = (
    ("NVML_GPM_METRIC_GRAPHICS_UTIL", "DCGM_FI_PROF_GR_ENGINE_ACTIVE"),
    ("NVML_GPM_METRIC_SM_UTIL", "DCGM_FI_PROF_SM_ACTIVE"),
    ("NVML_GPM_METRIC_ANY_TENSOR_UTIL", "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"),
    ("NVML_GPM_METRIC_DRAM_BW_UTIL", "DCGM_FI_PROF_DRAM_ACTIVE"),
)


class GpuReadings:
    """A metric source of one GPU. Called in the probe's own thread; never raises."""

    def __init__(
        self,
        probe: Probe,
        nvml: Any,
        *,
        environ: Optional[Mapping[str, str]] = None,
        now_unix_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._probe = probe
        self._nvml = nvml
        self._environ = os.environ if environ is None else environ
        self._now_unix_ns = now_unix_ns
        self._handle: Any = None
        self._uuid = ""
        self._samples: List[Any] = []
        self._sources: List[Callable[[], List[Reading]]] = [
            self._utilization, self._memory, self._power, self._temperature, self._clock,
            self._reasons, self._counters,
        ]

    def __call__(self) -> List[Metric]:
        try:
            if self._handle is None and not self._find():
                return []
        except Exception as error:
            self._probe.counters.error("nvml", error)
            return []
        readings: List[Reading] = []
        for source in list(self._sources):
            try:
                readings += source()
            except Exception as error:
                # Not supported by this GPU, this driver, or not allowed: it will not be next time.
                self._sources.remove(source)
                name = getattr(source, "__name__", "").strip("_")
                log.info("NVML gives no %s of this GPU: %s", name, error)
        now_unix_ns = self._now_unix_ns()
        attributes = {"hw.id": self._uuid, "hw.type": "gpu"}
        return [
            Metric(name, unit, "gauge", [Point(value, now_unix_ns, attributes)])
            for name, unit, value in readings
        ]

    def _find(self) -> bool:
        """The worker's GPU. False: it cannot be told yet which one that is."""
        nvml = self._nvml
        found = self._named()
        if found is None:
            return False
        self._handle = (
            nvml.nvmlDeviceGetHandleByUUID(found)
            if isinstance(found, str)
            else nvml.nvmlDeviceGetHandleByIndex(found)
        )
        self._uuid = _text(nvml.nvmlDeviceGetUUID(self._handle))
        resource = self._probe.settings.resource
        if not resource.get("hw.id"):
            self._probe.set_resource("hw.id", self._uuid)
        if not resource.get("hw.model"):
            self._probe.set_resource("hw.model", _text(nvml.nvmlDeviceGetName(self._handle)))
        return True

    def _named(self) -> "str | int | None":
        """The GPU's UUID or its index on this machine: `hw.id`, the device that torch uses, the only one
        that is visible, the only one that there is."""
        own = str(self._probe.settings.resource.get("hw.id") or "")
        if own.startswith(("GPU-", "MIG-")):
            return own
        torch = sys.modules.get("torch")
        cuda = getattr(torch, "cuda", None)
        if cuda is not None and cuda.is_initialized():
            uuid = getattr(cuda.get_device_properties(cuda.current_device()), "uuid", None)
            if uuid is not None:
                return "GPU-" + str(uuid)
        visible = self._environ.get("CUDA_VISIBLE_DEVICES", "").strip()
        names = [name.strip() for name in visible.split(",") if name.strip()]
        if len(names) == 1:
            # PyTorch and NVML count alike only where CUDA_DEVICE_ORDER says so.
            ordered = self._environ.get("CUDA_DEVICE_ORDER", "") == "PCI_BUS_ID"
            if not names[0].isdigit():
                return names[0]
            if ordered or int(self._nvml.nvmlDeviceGetCount()) == 1:
                return int(names[0])
        if not names and int(self._nvml.nvmlDeviceGetCount()) == 1:
            return 0
        return None

    def _utilization(self) -> List[Reading]:
        rates = self._nvml.nvmlDeviceGetUtilizationRates(self._handle)
        return [("hw.gpu.utilization", "1", rates.gpu / 100)]

    def _memory(self) -> List[Reading]:
        memory = self._nvml.nvmlDeviceGetMemoryInfo(self._handle)
        used, total = int(memory.used), int(memory.total)
        return [
            ("hw.gpu.memory.usage", "By", used),
            ("hw.gpu.memory.limit", "By", total),
            ("hw.gpu.memory.utilization", "1", used / total if total > 0 else 0.0),
        ]

    def _power(self) -> List[Reading]:
        milliwatts = self._nvml.nvmlDeviceGetPowerUsage(self._handle)
        return [("DCGM_FI_DEV_POWER_USAGE", "W", milliwatts / 1000)]

    def _temperature(self) -> List[Reading]:
        nvml = self._nvml
        celsius = nvml.nvmlDeviceGetTemperature(self._handle, nvml.NVML_TEMPERATURE_GPU)
        return [("DCGM_FI_DEV_GPU_TEMP", "Cel", celsius)]

    def _clock(self) -> List[Reading]:
        nvml = self._nvml
        megahertz = nvml.nvmlDeviceGetClockInfo(self._handle, nvml.NVML_CLOCK_SM)
        return [("DCGM_FI_DEV_SM_CLOCK", "MHz", megahertz)]

    def _reasons(self) -> List[Reading]:
        """Why clocks are lower than they could be, as NVML's bits."""
        nvml = self._nvml
        read = getattr(nvml, "nvmlDeviceGetCurrentClocksEventReasons", None)
        if read is None:
            read = nvml.nvmlDeviceGetCurrentClocksThrottleReasons
        return [("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "1", int(read(self._handle)))]

    def _counters(self) -> List[Reading]:
        """Performance counters between the call before and this one; the first call gives none."""
        nvml = self._nvml
        if not self._samples:
            if not nvml.nvmlGpmQueryDeviceSupport(self._handle).isSupportedDevice:
                raise RuntimeError("it has no performance monitoring")
            self._samples = [nvml.nvmlGpmSampleAlloc(), nvml.nvmlGpmSampleAlloc()]
            nvml.nvmlGpmSampleGet(self._handle, self._samples[0])
            return []
        before, after = self._samples
        nvml.nvmlGpmSampleGet(self._handle, after)
        wanted = nvml.c_nvmlGpmMetricsGet_t()
        wanted.version = nvml.NVML_GPM_METRICS_GET_VERSION
        wanted.sample1, wanted.sample2 = before, after
        wanted.numMetrics = len(GPM_FIELDS)
        for index, (metric, _) in enumerate(GPM_FIELDS):
            wanted.metrics[index].metricId = getattr(nvml, metric)
        nvml.nvmlGpmMetricsGet(wanted)
        self._samples = [after, before]
        return [
            (field, "1", wanted.metrics[index].value / 100)
            for index, (_, field) in enumerate(GPM_FIELDS)
            if wanted.metrics[index].nvmlReturn == nvml.NVML_SUCCESS
        ]


def enable(probe: Probe, period_s: float) -> bool:
    """Readings once in `period_s` seconds. False: there is no pynvml, or no driver; said in the log."""
    try:
        nvml = importlib.import_module("pynvml")
        nvml.nvmlInit()
    except Exception as error:
        log.warning("no GPU metrics: %s: %s (they need nvidia-ml-py and NVIDIA's driver)",
                    type(error).__name__, error)
        return False
    probe.add_metric_source(GpuReadings(probe, nvml), period_s)
    return True


def enable_from_env(probe: Probe, environ: Optional[Mapping[str, str]] = None) -> bool:
    """As AFDSCOPE_PROBE_GPU_METRICS_S says; absent or 0: off."""
    env: Mapping[str, str] = os.environ if environ is None else environ
    text = env.get("AFDSCOPE_PROBE_GPU_METRICS_S", "").strip()
    try:
        period_s = float(text or 0)
    except ValueError:
        period_s = -1.0
    if not 0 <= period_s < 86_400:
        log.warning("AFDSCOPE_PROBE_GPU_METRICS_S %r is no number of seconds: no GPU metrics", text)
        return False
    return period_s > 0 and enable(probe, max(1.0, period_s))


def _text(value: "str | bytes") -> str:
    """Old releases give bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
