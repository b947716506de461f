"""Engines whose classes change under the adapters: loaded anew, made late, driven from elsewhere."""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from typing import Any, List

from afdscope_probe.adapters import targets, wrap

from .keeping import module
from .test_adapters_wrap import Counting

ENGINE = """
class Engine:
    def run(self, n):
        return n
def send(n):
    return n
"""


class Changing(unittest.TestCase):
    def target(self, path: str, hook: Any, **more: Any) -> targets.Target:
        target = targets.Target(path, hook, **more)
        self.addCleanup(target.remove)
        target.install()
        return target

    def test_a_module_that_is_loaded_anew_runs_and_its_targets_say_so(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        Path(folder.name, "anew_engine.py").write_text(ENGINE, encoding="utf-8")
        sys.path.insert(0, folder.name)
        self.addCleanup(sys.path.remove, folder.name)
        self.addCleanup(sys.modules.pop, "anew_engine", None)
        importlib.invalidate_caches()
        engine = importlib.import_module("anew_engine")
        hook = Counting()
        both = [self.target(f"anew_engine:{name}", targets.the_one(hook)) for name in ("Engine.run", "send")]
        self.assertEqual(["wrapped", "wrapped"], [target.state for target in both])
        importlib.reload(engine)
        self.assertEqual((1, 2), (engine.Engine().run(1), engine.send(2)))
        self.assertEqual([], hook.calls)
        for target in both:
            self.assertIn("replaced since it was wrapped", target.state)
            target.remove()
            target.install()
            self.assertEqual("wrapped", target.state)
        self.assertEqual((1, 2), (engine.Engine().run(1), engine.send(2)))
        self.assertEqual(2, len(hook.calls))

    def test_a_subclass_comes_to_be_even_if_it_cannot_be_wrapped(self) -> None:
        class Root:
            def send(self, n: int) -> int:
                return n

        module("late_root", Root=Root)

        def hook(owner: Any, name: str) -> Any:
            if owner is not Root:
                raise RuntimeError("no hook for this one")
            return Counting()

        self.target("late_root:Root.send", hook, subclasses=True)
        with self.assertLogs("afdscope_probe", "WARNING") as said:

            class Late(Root):
                def send(self, n: int) -> int:
                    return n + 1

        self.assertEqual(3, Late().send(2))
        self.assertIn("late_root:Root.send", said.output[0])

    def test_a_coroutine_that_is_closed_or_driven_on_in_another_context(self) -> None:
        async def later(n: int) -> int:
            await asyncio.sleep(0)
            return n

        engine: Any = module("async_engine", later=later)
        hook = Counting()
        self.target("async_engine:later", targets.the_one(hook))
        raised: List[BaseException] = []
        results: List[Any] = []

        def elsewhere(work: Any) -> None:
            try:
                work()
            except StopIteration as stop:
                results.append(stop.value)
            except BaseException as error:
                raised.append(error)

        for end in (lambda one: one.close(), lambda one: one.send(None)):
            one = engine.later(5)
            contextvars.copy_context().run(one.send, None)
            thread = threading.Thread(target=elsewhere, args=(lambda one=one, end=end: end(one),))
            thread.start()
            thread.join()
        self.assertEqual(([], [5]), (raised, results))
        self.assertEqual(2, len(hook.left))
        self.assertTrue(hook.active)

    def test_hooks_come_and_go_while_threads_call(self) -> None:
        def run(n: int) -> int:
            return n if n == 0 else engine.run(n - 1)

        engine: Any = module("busy_engine", run=run)
        stop = threading.Event()
        wrong: List[Any] = []

        def call() -> None:
            while not stop.is_set():
                try:
                    if engine.run(3) != 0:
                        wrong.append("result")
                except BaseException as error:
                    wrong.append(error)

        threads = [threading.Thread(target=call) for _ in range(3)]
        for thread in threads:
            thread.start()
        hooks = [Counting(f"busy {number}") for number in range(100)]
        for first, second in zip(hooks[::2], hooks[1::2]):
            slot = wrap.attach(engine, "run", first)
            wrap.attach(engine, "run", second)
            engine.run(2)
            slot.remove(first)
            slot.remove(second)
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual([], wrong)
        self.assertIs(engine.run, run)
        self.assertTrue(all(hook.active and hook.calls for hook in hooks))


if __name__ == "__main__":
    unittest.main()
