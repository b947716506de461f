"""Callables by configuration."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import types
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from afdscope_probe import adapters
from afdscope_probe.adapters import generic

from .keeping import AdapterCase, Tensor, module
from .test_adapters_vllm import rows


class Engine:
    index = 5

    def attend(self, hidden: Any, ubatch: int = 0, meta: Any = None) -> Any:
        return hidden

    async def link(self, hidden: Any) -> Any:
        await asyncio.sleep(0)
        return types.SimpleNamespace(layer=7, sizes=[2, 3])

    def step(self, number: int, kind: str = "decode") -> Any:
        return self.attend(Tensor(4), 1)

    def fail(self, hidden: Any) -> None:
        raise LookupError("the engine's own")


class Configured(AdapterCase):
    def enable(self, text: str) -> Any:
        self.before_attend = Engine.__dict__["attend"]
        module("user_engine", Engine=Engine)
        with mock.patch.dict("os.environ", {generic.VARIABLE: text}):
            return adapters.enable(["generic"])["generic"]

    def test_a_line_for_each_callable(self) -> None:
        self.enable(
            "user_engine:Engine.step=step;number=arg:number;phase=arg:kind\n"
            "user_engine:Engine.attend=attention;layer=self.index;microbatch=arg:ubatch;tokens=rows:hidden;peer=3;bytes=arg:hidden.nbytes"
        )
        engine = Engine()
        engine.step(12, kind="prefill")
        engine.step(number=13)
        events = self.probe.finish()
        self.assertEqual([(12, "attention", 5, 1), (13, "attention", 5, 1)], rows(events))
        self.assertEqual(("prefill", 3, {"tokens": 4, "bytes": 64}), (events[0].phase, events[0].peer, events[0].more))
        self.assertEqual("decode", events[1].phase)
        adapters.disable()
        self.assertIs(self.before_attend, Engine.__dict__["attend"])

    def test_json_in_a_file_and_what_only_the_result_tells(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "wrap.json")
            path.write_text(
                json.dumps(
                    [{"target": "user_engine:Engine.link", "stage": "a2f_recv", "kind": "receive",
                      "layer": "result:.layer", "tokens": "result:.sizes[1]", "microbatch": 2}]
                ),
                encoding="utf-8",
            )
            self.enable("@" + str(path))
        self.assertEqual(7, asyncio.run(Engine().link(None)).layer)
        event = self.probe.finish()[0]
        self.assertEqual(("a2f_recv", 7, 2, 3, "receive"), (event.stage, event.layer, event.microbatch, event.tokens, event.kind))

    def test_what_is_wrong_is_said_and_the_rest_works(self) -> None:
        self.enable("user_engine:Engine.attend=attention;layr=3|nonsense|user_engine:Engine.step=host;layer=later|user_engine:Engine.fail=expert")
        self.assertEqual(3, len(self.log), self.log)
        self.assertIn("no field 'layr'", self.log[0])
        self.assertIn("no stage", self.log[1])
        self.assertIn("neither a number", self.log[2])
        with self.assertRaisesRegex(LookupError, "the engine's own"):
            Engine().fail(None)
        self.assertEqual(["expert"], [event.stage for event in self.probe.finish()])

    def test_a_path_that_leads_nowhere_switches_only_itself_off(self) -> None:
        self.enable(
            "user_engine:Engine.attend=attention;layer=arg:meta.index|user_engine:Engine.step=step"
        )
        engine = Engine()
        engine.attend(Tensor(1))  # an absent object: no layer
        engine.attend(Tensor(1), meta=types.SimpleNamespace(index=4))
        for _ in range(2):
            self.assertIsNotNone(engine.attend(Tensor(1), meta=types.SimpleNamespace(place=4)))
        self.assertEqual(1, len(self.log), self.log)
        self.assertIn("has no attribute 'index'", self.log[0])
        engine.step(0)
        self.assertEqual([-1, 4], [event.layer for event in self.probe.finish() if event.stage == "attention"])

    def test_a_value_on_a_device_is_not_waited_for(self) -> None:
        class OnDevice:
            device = types.SimpleNamespace(type="cuda")

            def __index__(self) -> int:
                raise AssertionError("a device was asked")

        self.enable("user_engine:Engine.attend=attention;layer=arg:ubatch")
        Engine().attend(Tensor(1), OnDevice())  # type: ignore[arg-type]
        self.assertIn("lies on a device", self.log[0])

    def test_what_the_module_does_not_have_is_said(self) -> None:
        self.enable("user_engine:Engine.absent=attention|user_engine:Engine.attend=attention;layer=arg:depth")
        self.assertIn("user_engine:Engine.absent: not in this version", self.log[0])
        self.assertIn("has no parameter 'depth'", self.log[1])

    def test_targets_that_are_no_names(self) -> None:
        self.enable("user_engine.Engine.attend=attention")
        self.assertIn("package.module:Class.method", self.log[0])


class Auto(unittest.TestCase):
    """A process of its own: one import before the engine's."""

    def run_python(self, code: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        Path(folder.name, "late_engine.py").write_text("def work(layer):\n    return layer * 2\n", encoding="utf-8")
        root = str(Path(__file__).resolve().parents[1])
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "AFDSCOPE_"))}
        environ.update(variables, PYTHONPATH=os.pathsep.join([root, folder.name]))
        return subprocess.run(
            [sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=120
        )

    CODE = (
        "import afdscope_probe.auto, late_engine, afdscope_probe\n"
        "print(late_engine.work(3))\n"
        "probe = afdscope_probe.get_probe()\n"
        "print(probe.enabled, getattr(late_engine.work, '__wrapped__', None) is not None, 'torch' in __import__('sys').modules)\n"
    )

    def test_one_import_before_the_engines(self) -> None:
        done = self.run_python(
            self.CODE,
            OTEL_RESOURCE_ATTRIBUTES="afd.role=ffn,afd.rank=2",
            OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
            AFDSCOPE_PROBE_WRAP="late_engine:work=expert;layer=arg:layer",
            AFDSCOPE_PROBE_EXIT_MS="0",
        )
        self.assertEqual((0, "6\nTrue True False\n"), (done.returncode, done.stdout), done.stderr)

    def test_switched_off_and_without_a_role(self) -> None:
        off = self.run_python(self.CODE, AFDSCOPE_PROBE="0", AFDSCOPE_PROBE_WRAP="late_engine:work=expert")
        self.assertEqual((0, "6\nFalse False False\n", ""), (off.returncode, off.stdout, off.stderr))
        waiting = self.run_python(self.CODE)
        self.assertEqual((0, "6\nFalse False False\n", ""), (waiting.returncode, waiting.stdout, waiting.stderr))

    def test_vllms_entry_point_asks_before_it_acts(self) -> None:
        code = "import afdscope_probe.plugin as plugin\nplugin.register()\nfrom afdscope_probe import adapters\nprint(sorted(adapters.report()))"
        self.assertEqual("[]\n", self.run_python(code).stdout)
        self.assertEqual("['vllm']\n", self.run_python(code, AFDSCOPE_PROBE_ADAPTERS="vllm").stdout)


if __name__ == "__main__":
    unittest.main()
