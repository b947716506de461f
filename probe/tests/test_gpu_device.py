"""What is asked of torch, by a module with its names: which device, which events, which thread."""

import sys
import types
import unittest
from unittest import mock

from afdscope_probe import gpu
from afdscope_probe.gpu.device import GraphEventsUnsupported, TorchDevice, exchange_capture_mode
from afdscope_probe.null_probe import NullProbe
from tests.recorder import RecordingProbe


class Cuda:
    """torch.cuda of a worker that has chosen device 3 of 8."""

    def __init__(self, available=True):
        self.available = available
        self.initialised = False
        self.current = 3
        self.touched = set()

    def is_available(self):
        return self.available

    def is_initialized(self):
        return self.initialised

    def current_device(self):
        return self.current

    def set_device(self, index):
        self.touched.add(index)

    def Stream(self, device=None, priority=0):
        self.touched.add(device)
        return types.SimpleNamespace(cuda_stream=device)

    def current_stream(self):
        return types.SimpleNamespace(cuda_stream=77)

    def is_current_stream_capturing(self):
        return False

    def Event(self, enable_timing=False, blocking=False, interprocess=False, external=False):
        assert enable_timing
        return types.SimpleNamespace(external=external, record=lambda stream: None, query=lambda: True,
                                     elapsed_time=lambda end: 0.25)


def torch_of(cuda, hip=None):
    return types.SimpleNamespace(cuda=cuda, version=types.SimpleNamespace(hip=hip), __version__="2.8.0")


class TorchDeviceTest(unittest.TestCase):
    def test_the_device_is_the_workers_and_no_other_is_touched(self):
        cuda = Cuda()
        device = TorchDevice(torch_of(cuda), None)
        self.assertFalse(device.ready())
        cuda.current, cuda.initialised = 5, True
        self.assertTrue(device.ready())
        self.assertEqual(device.record(device.new_event()), 77)
        device.record_aside(device.new_event())
        device.enter_thread()
        self.assertEqual(cuda.touched, {5})

    def test_events_in_graphs(self):
        device = TorchDevice(torch_of(Cuda()), 0)
        self.assertTrue(device.new_graph_event().external)
        with self.assertRaisesRegex(GraphEventsUnsupported, "ROCm"):
            TorchDevice(torch_of(Cuda(), hip="6.4"), 0).new_graph_event()
        old = Cuda()
        old.Event = lambda enable_timing=False, blocking=False, interprocess=False: None
        with self.assertRaisesRegex(GraphEventsUnsupported, "2.8.0"):
            TorchDevice(torch_of(old), 0).new_graph_event()

    def test_threads_that_may_not_ask(self):
        # ROCm spoils captures in every mode; here there is no CUDA runtime at all.
        self.assertFalse(TorchDevice(torch_of(Cuda(), hip="6.4"), 0).enter_thread())
        self.assertFalse(exchange_capture_mode())


class TimerForTest(unittest.TestCase):
    def test_none_without_torch_a_gpu_or_a_probe_and_where_it_is_switched_off(self):
        probe = RecordingProbe()
        with mock.patch.dict(sys.modules, {"torch": None}):
            self.assertIsNone(gpu.timer_for(probe))
        with mock.patch.dict(sys.modules, {"torch": torch_of(Cuda(available=False))}):
            self.assertIsNone(gpu.timer_for(probe))
        with mock.patch.dict(sys.modules, {"torch": torch_of(Cuda())}):
            self.assertIsNone(gpu.timer_for(NullProbe()))
            with mock.patch.dict("os.environ", {"AFDSCOPE_PROBE_GPU": "0"}):
                self.assertIsNone(gpu.timer_for(probe))
            with mock.patch.dict("os.environ", {"AFDSCOPE_PROBE_GPU_INDEX": "x"}):
                self.assertIsNone(gpu.timer_for(probe))

    def test_one_for_each_probe(self):
        probe, other = RecordingProbe(), RecordingProbe()
        with mock.patch.dict(sys.modules, {"torch": torch_of(Cuda())}):
            timer = gpu.timer_for(probe)
            self.assertIsNotNone(timer)
            self.assertIs(gpu.timer_for(probe), timer)
            self.assertIsNot(gpu.timer_for(other), timer)


if __name__ == "__main__":
    unittest.main()
