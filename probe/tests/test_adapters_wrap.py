"""Wrapping: transparent, idempotent, removable, early and late."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pickle
import sys
import tempfile
import threading
import types
import unittest
from pathlib import Path
from typing import Any, List
from unittest import mock

from afdscope_probe.adapters import guards, imports, targets, wrap

from .keeping import module


class Counting(wrap.Hook):
    def __init__(self, group: str = "test") -> None:
        super().__init__(group)
        self.calls: List[Any] = []
        self.left: List[Any] = []

    def enter(self, args: Any, kwargs: Any) -> Any:
        self.calls.append((args, kwargs))
        return len(self.calls)

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        self.left.append((token, result, error))


class Base:
    def plain(self, one: int, *, two: int = 2) -> int:
        """Adds."""
        return one + two

    @staticmethod
    def fixed(one: int) -> int:
        return one * 2

    @classmethod
    def named(cls) -> str:
        return cls.__name__

    def broken(self) -> None:
        raise KeyError("mine")

    async def later(self, one: int) -> int:
        await asyncio.sleep(0)
        return one

    def steps(self) -> Any:
        yield 1

    @property
    def size(self) -> int:
        return 3


class Child(Base):
    def plain(self, one: int, *, two: int = 2) -> int:
        return super().plain(one, two=two) + 100


def function(one: int) -> int:
    return one + 1


class Wrapping(unittest.TestCase):
    def attach(self, owner: Any, name: str, hook: wrap.Hook) -> wrap.Slot:
        slot = wrap.attach(owner, name, hook)
        self.addCleanup(slot.remove, hook)
        return slot

    def test_result_signature_and_name_are_the_functions(self) -> None:
        signature = inspect.signature(Base.plain)
        original = Base.__dict__["plain"]
        hook = Counting()
        self.attach(Base, "plain", hook)
        self.assertEqual(3, Base().plain(1))
        self.assertEqual(signature, inspect.signature(Base.plain))
        self.assertEqual(("plain", "Adds."), (Base.plain.__name__, Base.plain.__doc__))
        self.assertIs(original, Base.plain.__wrapped__)
        self.assertEqual([(1, 3, None)], hook.left)

    def test_removal_restores_the_very_objects(self) -> None:
        before = {name: Base.__dict__[name] for name in ("plain", "fixed", "named", "later")}
        hook = Counting()
        slots = [wrap.attach(Base, name, hook) for name in before]
        self.assertEqual((4, "Base"), (Base.fixed(2), Base.named()))
        for slot in slots:
            slot.remove(hook)
        for name, raw in before.items():
            self.assertIs(raw, Base.__dict__[name])

    def test_twice_is_once(self) -> None:
        hook = Counting()
        first = self.attach(Base, "plain", hook)
        self.assertIs(first, self.attach(Base, "plain", hook))
        Base().plain(1)
        self.assertEqual(1, len(hook.calls))

    def test_two_hooks_share_one_wrapper_and_leave_in_any_order(self) -> None:
        original = Base.__dict__["plain"]
        one, two = Counting("one"), Counting("two")
        slot = wrap.attach(Base, "plain", one)
        self.assertIs(slot, wrap.attach(Base, "plain", two))
        self.assertEqual(3, Base().plain(1))
        slot.remove(one)
        Base().plain(1)
        self.assertEqual((1, 2), (len(one.calls), len(two.calls)))
        slot.remove(two)
        self.assertIs(original, Base.__dict__["plain"])

    def test_super_is_counted_once_and_other_threads_apart(self) -> None:
        hook = Counting()
        self.attach(Base, "plain", hook)
        self.attach(Child, "plain", hook)
        self.assertEqual(103, Child().plain(1))
        self.assertEqual(1, len(hook.calls))
        thread = threading.Thread(target=Base().plain, args=(1,))
        thread.start()
        thread.join()
        self.assertEqual(2, len(hook.calls))

    def test_the_same_exception_comes_out(self) -> None:
        hook = Counting()
        self.attach(Base, "broken", hook)
        with self.assertRaisesRegex(KeyError, "mine") as caught:
            Base().broken()
        self.assertIs(caught.exception, hook.left[0][2])
        self.assertIsNone(caught.exception.__cause__)
        self.assertIsNone(caught.exception.__context__)

    def test_a_hook_that_raises_goes_off_and_the_call_goes_on(self) -> None:
        class Bad(Counting):
            def enter(self, args: Any, kwargs: Any) -> Any:
                super().enter(args, kwargs)
                raise RuntimeError("in the probe")

        hook = Bad()
        self.attach(Base, "plain", hook)
        with self.assertLogs("afdscope_probe", "WARNING") as logs:
            self.assertEqual([3, 3], [Base().plain(1), Base().plain(1)])
        self.assertEqual((1, 1), (len(hook.calls), len(logs.records)))

    def test_a_hook_that_raises_at_the_end_loses_no_result(self) -> None:
        class Bad(Counting):
            def leave(self, *_: Any) -> None:
                raise RuntimeError("in the probe")

        self.attach(Base, "plain", Bad())
        with self.assertLogs("afdscope_probe", "WARNING"):
            self.assertEqual(3, Base().plain(1))

    def test_coroutines_are_awaited_inside(self) -> None:
        hook = Counting()
        self.attach(Base, "later", hook)
        self.assertTrue(inspect.iscoroutinefunction(Base.later))

        async def both() -> Any:
            return await asyncio.gather(Base().later(1), Base().later(2))

        self.assertEqual([1, 2], asyncio.run(both()))
        self.assertEqual([1, 2], sorted(left[1] for left in hook.left))

    def test_generators_properties_and_the_missing_are_refused(self) -> None:
        for name, word in (("steps", "generator"), ("size", "no function"), ("absent", "no function")):
            with self.assertRaisesRegex(wrap.Refused, word):
                wrap.attach(Base, name, Counting())
        self.assertNotIn("absent", Base.__dict__)

    def test_pickles_of_functions_and_bound_methods_still_work(self) -> None:
        hook = Counting()
        self.attach(sys.modules[__name__], "function", hook)
        self.attach(Base, "plain", hook)
        self.assertIs(function, pickle.loads(pickle.dumps(function)))
        self.assertEqual(3, pickle.loads(pickle.dumps(Base().plain))(1))

    def test_while_a_compiler_traces_or_a_graph_is_captured_it_only_calls_through(self) -> None:
        hook = Counting()
        self.attach(Base, "plain", hook)
        state = {"compiling": False, "capturing": False}
        torch = types.SimpleNamespace(
            compiler=types.SimpleNamespace(is_compiling=lambda: state["compiling"]),
            cuda=types.SimpleNamespace(
                is_current_stream_capturing=lambda: state["capturing"], is_initialized=lambda: True
            ),
        )
        with mock.patch.multiple(guards, compiling=guards._no, capturing=guards._no, has_torch=False):
            guards.bind(torch)
            for name in state:
                state[name] = True
                self.assertEqual(3, Base().plain(1))
                state[name] = False
            self.assertEqual(0, len(hook.calls))
            Base().plain(1)
        self.assertEqual(1, len(hook.calls))


class Targeting(unittest.TestCase):
    def setUp(self) -> None:
        self.hook = Counting()
        self.before = list(sys.meta_path)

    def tearDown(self) -> None:
        self.assertEqual(self.before, sys.meta_path)
        for name in [name for name in sys.modules if name.split(".")[0] in ("late_engine", "now_engine")]:
            del sys.modules[name]

    def target(self, path: str, **more: Any) -> targets.Target:
        target = targets.Target(path, lambda owner, name: self.hook, **more)
        target.install()
        self.addCleanup(target.remove)
        return target

    def on_disk(self, name: str, text: str) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        Path(folder.name, name + ".py").write_text(text, encoding="utf-8")
        sys.path.insert(0, folder.name)
        self.addCleanup(sys.path.remove, folder.name)
        importlib.invalidate_caches()

    def test_a_module_that_is_imported_later(self) -> None:
        self.on_disk("late_engine", "class Engine:\n    def run(self, n):\n        return n\nLOADER = __loader__\n")
        target = self.target("late_engine:Engine.run")
        self.assertEqual("waiting for import", target.state)
        self.assertNotIn("late_engine", sys.modules)
        late = importlib.import_module("late_engine")
        self.assertEqual(("wrapped", 7), (target.state, late.Engine().run(7)))
        self.assertEqual(1, len(self.hook.calls))
        self.assertIs(late.LOADER, late.__spec__.loader)
        self.assertEqual("SourceFileLoader", type(late.__loader__).__name__)
        self.assertIn("def run", inspect.getsource(late.Engine))
        target.remove()
        self.assertEqual("run", late.Engine.__dict__["run"].__qualname__.split(".")[-1])
        self.assertFalse(hasattr(late.Engine.__dict__["run"], "__wrapped__"))

    def test_an_import_that_fails_fails_as_ever(self) -> None:
        self.on_disk("late_engine", "raise ValueError('its own')\n")
        target = self.target("late_engine:Engine.run")
        with self.assertRaisesRegex(ValueError, "its own"):
            importlib.import_module("late_engine")
        with self.assertRaises(ModuleNotFoundError):
            importlib.import_module("late_engine_that_is_nowhere")
        target.remove()

    def test_a_module_that_is_half_imported(self) -> None:
        late = module("late_engine")
        late.__spec__ = types.SimpleNamespace(_initializing=True)  # type: ignore[assignment]
        target = self.target("late_engine:run")
        late.run = lambda: 5  # type: ignore[attr-defined]
        late.__spec__ = types.SimpleNamespace(_initializing=False)  # type: ignore[assignment]
        self.assertEqual("waiting for import", target.state)
        imports.check_early()
        self.assertEqual(("wrapped", 5), (target.state, late.run()))

    def test_overrides_of_subclasses_before_and_after(self) -> None:
        class Root:
            def send(self, n: int) -> int:
                return n

        class Before(Root):
            def send(self, n: int) -> int:
                return super().send(n) + 1

        now = module("now_engine", Root=Root)
        original = Before.__dict__["send"]
        target = self.target("now_engine:Root.send", subclasses=True)

        class After(Before):
            made: List[str] = []

            def __init_subclass__(cls, **kwargs: Any) -> None:
                super().__init_subclass__(**kwargs)
                After.made.append(cls.__name__)

            def send(self, n: int) -> int:
                return super().send(n) + 10

        class Last(After):
            pass

        self.assertEqual(["Last"], After.made)
        self.assertEqual([1, 2, 12, 12], [kind().send(1) for kind in (now.Root, Before, After, Last)])
        self.assertEqual(4, len(self.hook.calls))
        target.remove()
        self.assertIs(original, Before.__dict__["send"])
        self.assertNotIn("__init_subclass__", Root.__dict__)
        self.assertFalse(hasattr(After.__dict__["send"], "__wrapped__"))

    def test_abstract_methods_are_left_and_their_overrides_found(self) -> None:
        import abc

        class Contract(abc.ABC):
            @abc.abstractmethod
            def send(self) -> int: ...

        module("now_engine", Contract=Contract)
        target = self.target("now_engine:Contract.send", subclasses=True)

        class Real(Contract):
            def send(self) -> int:
                return 1

        self.assertEqual((1, 1, "wrapped"), (Real().send(), len(self.hook.calls), target.state))
        with self.assertRaises(TypeError):
            Contract()  # type: ignore[abstract]

    def test_an_inherited_method_is_wrapped_where_it_is_defined(self) -> None:
        class Root:
            def send(self) -> int:
                return 1

        class Named(Root):
            pass

        module("now_engine", Named=Named)
        target = self.target("now_engine:Named.send")
        self.assertEqual((1, 1), (Named().send(), len(self.hook.calls)))
        self.assertNotIn("send", Named.__dict__)
        target.remove()
        self.assertFalse(hasattr(Root.__dict__["send"], "__wrapped__"))

    def test_names_taken_by_from_import_before(self) -> None:
        now = module("now_engine", run=function)
        taken = module("now_engine.user", run=function)
        target = self.target("now_engine:run")
        self.assertEqual([2, 2], [now.run(1), taken.run(1)])
        self.assertEqual(2, len(self.hook.calls))
        target.remove()
        self.assertIs(function, now.run)
        self.assertIs(function, taken.run)

    def test_what_is_not_there_is_said(self) -> None:
        module("now_engine")
        self.assertEqual("not in this version", self.target("now_engine:Engine.run").state)
        with self.assertRaisesRegex(ValueError, "package.module:Class.method"):
            targets.Target("no colon", lambda owner, name: self.hook)


if __name__ == "__main__":
    unittest.main()
