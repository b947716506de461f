"""NVML readings, by a module with pynvml's names, signatures and structures."""

import ctypes
import sys
import types
import unittest
from unittest import mock

from afdscope_probe import gpu_metrics
from afdscope_probe.gpu_metrics import GpuReadings
from tests.recorder import RecordingProbe

UUID = "GPU-5c89aaaa-0000-4bbb-8ccc-1234567890ab"
NOW = 1_767_225_600_000_000_000


class NVMLError(Exception):
    pass


class Metric(ctypes.Structure):
    _fields_ = [("metricId", ctypes.c_uint), ("nvmlReturn", ctypes.c_int), ("value", ctypes.c_double)]


class MetricsGet(ctypes.Structure):
    _fields_ = [
        ("version", ctypes.c_uint), ("numMetrics", ctypes.c_uint),
        ("sample1", ctypes.c_void_p), ("sample2", ctypes.c_void_p), ("metrics", Metric * 477),
    ]


class FakeNvml(types.ModuleType):
    """Two GPUs. `missing` names what this one does not support."""

    NVML_SUCCESS = 0
    NVML_TEMPERATURE_GPU = 0
    NVML_CLOCK_SM = 1
    NVML_GPM_METRIC_GRAPHICS_UTIL = 1
    NVML_GPM_METRIC_SM_UTIL = 2
    NVML_GPM_METRIC_ANY_TENSOR_UTIL = 5
    NVML_GPM_METRIC_DRAM_BW_UTIL = 10
    NVML_GPM_METRICS_GET_VERSION = 1
    c_nvmlGpmMetricsGet_t = MetricsGet

    def __init__(self, count=1, missing=(), as_bytes=False):
        super().__init__("pynvml")
        self.count, self.missing, self.as_bytes = count, missing, as_bytes
        self.calls = []
        self.samples = 0

    def _called(self, name):
        self.calls.append(name)
        if name in self.missing:
            raise NVMLError("Not Supported")

    def _string(self, text):
        return text.encode() if self.as_bytes else text

    def nvmlInit(self):
        self._called("nvmlInit")

    def nvmlDeviceGetCount(self):
        return self.count

    def nvmlDeviceGetHandleByUUID(self, uuid):
        self._called("byUuid " + uuid)
        return ("handle", uuid)

    def nvmlDeviceGetHandleByIndex(self, index):
        self._called(f"byIndex {index}")
        return ("handle", UUID)

    def nvmlDeviceGetUUID(self, handle):
        return self._string(handle[1])

    def nvmlDeviceGetName(self, handle):
        return self._string("NVIDIA H200")

    def nvmlDeviceGetUtilizationRates(self, handle):
        self._called("utilization")
        return types.SimpleNamespace(gpu=97, memory=40)

    def nvmlDeviceGetMemoryInfo(self, handle, version=None):
        return types.SimpleNamespace(total=144 << 30, free=36 << 30, used=108 << 30)

    def nvmlDeviceGetPowerUsage(self, handle):
        self._called("power")
        return 689_500

    def nvmlDeviceGetTemperature(self, handle, sensor):
        return 61

    def nvmlDeviceGetClockInfo(self, handle, type):
        return 1980

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle):
        return 4

    def nvmlGpmQueryDeviceSupport(self, device):
        return types.SimpleNamespace(isSupportedDevice=0 if "gpm" in self.missing else 1)

    def nvmlGpmSampleAlloc(self):
        self.samples += 1
        return ctypes.c_void_p(self.samples)

    def nvmlGpmSampleGet(self, device, gpmSample):
        self._called(f"sample {gpmSample.value}")
        return gpmSample

    def nvmlGpmMetricsGet(self, metricsGet):
        self._called(f"between {metricsGet.sample1} {metricsGet.sample2}")
        for metric in metricsGet.metrics[: metricsGet.numMetrics]:
            metric.nvmlReturn = 3 if metric.metricId == 1 else 0
            metric.value = 10.0 * metric.metricId
        return metricsGet


def readings_of(nvml, environ=None, **resource):
    probe = RecordingProbe()
    probe.settings.resource.update(resource)
    return GpuReadings(probe, nvml, environ=environ or {}, now_unix_ns=lambda: NOW), probe


def values(metrics):
    return {metric.name: metric.points[0].value for metric in metrics}


class GpuMetricsTest(unittest.TestCase):
    def test_readings_under_the_names_that_the_collector_knows(self):
        nvml = FakeNvml()
        source, probe = readings_of(nvml)
        first = source()
        self.assertEqual(
            values(first),
            {
                "hw.gpu.utilization": 0.97,
                "hw.gpu.memory.usage": 108 << 30,
                "hw.gpu.memory.limit": 144 << 30,
                "hw.gpu.memory.utilization": 0.75,
                "DCGM_FI_DEV_POWER_USAGE": 689.5,
                "DCGM_FI_DEV_GPU_TEMP": 61,
                "DCGM_FI_DEV_SM_CLOCK": 1980,
                "DCGM_FI_DEV_CLOCKS_EVENT_REASONS": 4,
            },
        )
        for metric in first:
            self.assertEqual(metric.form, "gauge")
            self.assertEqual(metric.points[0].attributes["hw.id"], UUID)
            self.assertEqual(metric.points[0].time_unix_ns, NOW)
        self.assertEqual(probe.settings.resource["hw.id"], UUID)
        self.assertEqual(probe.settings.resource["hw.model"], "NVIDIA H200")

    def test_counters_between_two_readings(self):
        nvml = FakeNvml()
        source, _ = readings_of(nvml)
        source()
        second, third = values(source()), values(source())
        for found in (second, third):
            self.assertEqual(found["DCGM_FI_PROF_SM_ACTIVE"], 0.2)
            self.assertEqual(found["DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"], 0.5)
            self.assertEqual(found["DCGM_FI_PROF_DRAM_ACTIVE"], 1.0)
            # What NVML says it could not measure is not told.
            self.assertNotIn("DCGM_FI_PROF_GR_ENGINE_ACTIVE", found)
        self.assertEqual(
            [call for call in nvml.calls if call.startswith(("sample", "between"))],
            ["sample 1", "sample 2", "between 1 2", "sample 1", "between 2 1"],
        )

    def test_what_a_gpu_does_not_have_is_asked_for_once(self):
        nvml = FakeNvml(missing=("power", "utilization", "gpm"))
        source, probe = readings_of(nvml)
        for _ in range(3):
            found = values(source())
            self.assertNotIn("DCGM_FI_DEV_POWER_USAGE", found)
            self.assertIn("hw.gpu.memory.usage", found)
        self.assertEqual(nvml.calls.count("power"), 1)
        self.assertEqual(nvml.calls.count("utilization"), 1)
        self.assertEqual(probe.counters.get("errors"), 0)

    def test_which_gpu(self):
        other = "GPU-77777777-0000-4bbb-8ccc-1234567890ab"
        cases = [
            ({"hw.id": other}, {}, 8, "byUuid " + other),
            ({}, {"CUDA_VISIBLE_DEVICES": other}, 8, "byUuid " + other),
            ({}, {"CUDA_VISIBLE_DEVICES": "5", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, 8, "byIndex 5"),
            ({}, {"CUDA_VISIBLE_DEVICES": "0"}, 1, "byIndex 0"),
            # CUDA's own order is the fastest first: 5 may be another one for NVML.
            ({}, {"CUDA_VISIBLE_DEVICES": "5"}, 8, None),
            ({}, {"CUDA_VISIBLE_DEVICES": "2,3", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, 8, None),
            ({}, {}, 8, None),
        ]
        for resource, environ, count, wanted in cases:
            nvml = FakeNvml(count=count)
            source, _ = readings_of(nvml, environ, **resource)
            found = source()
            with self.subTest(environ=environ, resource=resource):
                self.assertEqual(bool(found), wanted is not None)
                if wanted is not None:
                    self.assertEqual(nvml.calls[0], wanted)

    def test_the_device_that_torch_uses_once_it_does(self):
        cuda = types.SimpleNamespace(
            is_initialized=lambda: ready[0],
            current_device=lambda: 3,
            get_device_properties=lambda index: types.SimpleNamespace(uuid=UUID[4:] if index == 3 else ""),
        )
        ready = [False]
        nvml = FakeNvml(count=8, as_bytes=True)
        source, probe = readings_of(nvml)
        with mock.patch.dict(sys.modules, {"torch": types.SimpleNamespace(cuda=cuda)}):
            self.assertEqual(source(), [])
            ready[0] = True
            self.assertNotEqual(source(), [])
        self.assertEqual(nvml.calls[0], "byUuid " + UUID)
        self.assertEqual(probe.settings.resource["hw.id"], UUID)

    def test_switched_on_by_the_environment_alone(self):
        probe = RecordingProbe()
        with mock.patch.dict(sys.modules, {"pynvml": FakeNvml()}):
            self.assertFalse(gpu_metrics.enable_from_env(probe, {}))
            self.assertFalse(gpu_metrics.enable_from_env(probe, {"AFDSCOPE_PROBE_GPU_METRICS_S": "0"}))
            self.assertFalse(gpu_metrics.enable_from_env(probe, {"AFDSCOPE_PROBE_GPU_METRICS_S": "x"}))
            self.assertTrue(gpu_metrics.enable_from_env(probe, {"AFDSCOPE_PROBE_GPU_METRICS_S": "5"}))
        with mock.patch.dict(sys.modules, {"pynvml": FakeNvml(missing=("nvmlInit",))}):
            self.assertFalse(gpu_metrics.enable_from_env(probe, {"AFDSCOPE_PROBE_GPU_METRICS_S": "5"}))
        with mock.patch.dict(sys.modules, {"pynvml": None}):
            self.assertFalse(gpu_metrics.enable_from_env(probe, {"AFDSCOPE_PROBE_GPU_METRICS_S": "5"}))
        probe.shutdown(0.1)


if __name__ == "__main__":
    unittest.main()
