"""Targets by name, ``package.module:Class.method`` or ``package.module:function``, present or to come.

A target waits for its module's import. For a method the hook goes where the method is defined: in the
class named, or in the base that gives it; with ``subclasses`` also into every subclass that overrides
it, those that appear later included. A **scan** looks for methods by name in all classes of the modules
under a prefix: for code whose class names change with every version.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from . import imports, wrap

_log = logging.getLogger("afdscope_probe")

Places = List[Tuple[wrap.Slot, wrap.Hook]]


def the_one(hook: wrap.Hook) -> Callable[[Any, str], wrap.Hook]:
    """The same hook for every place."""
    return lambda owner, name: hook


class _Wrapping:
    """What waits for modules and wraps in them, until it is removed: what targets and scans share."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.places: Places = []
        self.problem = ""
        self._seen = False
        self._end: Optional[Callable[[], None]] = None

    @property
    def state(self) -> str:
        """In words, how far it came."""
        if self.problem:
            return self.problem
        if self.places:
            return self._wrapped()
        return "not in this version" if self._seen else "waiting for import"

    def _wrapped(self) -> str:
        return f"wrapped in {len(self.places)} places"

    def remove(self) -> None:
        """Everything as it was before."""
        if self._end is not None:
            self._end()
            self._end = None
        self._leave()
        for slot, hook in reversed(self.places):
            slot.remove(hook)
        self.places = []
        self.problem = ""
        self._seen = False

    def _leave(self) -> None:
        """Where else it was to be told of places, it no longer is."""


class Target(_Wrapping):
    """One name, one hook for each place it is found in. What is not optional is said in the log where its
    module has no such thing."""

    def __init__(
        self,
        path: str,
        hook: Callable[[Any, str], Optional[wrap.Hook]],
        subclasses: bool = False,
        optional: bool = True,
    ) -> None:
        module, colon, attribute = path.partition(":")
        if not colon or not module or not all(part.isidentifier() for part in attribute.split(".")):
            raise ValueError(f"{path!r} is not of the form package.module:Class.method or package.module:function")
        super().__init__(path)
        self.module = module
        self.parents = attribute.split(".")[:-1]
        self.name = attribute.split(".")[-1]
        self.hook = hook  # called with the owner and the name; the same hook for the same place
        self.subclasses = subclasses
        self.optional = optional
        self._families: List["_Family"] = []

    def _wrapped(self) -> str:
        if not self._in_force():
            return "replaced since it was wrapped: disable and enable the adapter to wrap it again"
        return "wrapped" if len(self.places) == 1 else super()._wrapped()

    def _in_force(self) -> bool:
        """Whether the name still leads to what was wrapped: a module may be loaded anew."""
        owner: Any = sys.modules.get(self.module)
        for part in self.parents:
            owner = getattr(owner, part, None)
        if isinstance(owner, type):
            owner = wrap.defining_class(owner, self.name)
        if owner is None:
            return False
        there = [slot.owner for slot, _ in self.places if wrap.slot_at(slot.owner, slot.name) is slot]
        # Of an abstract method only the overrides are wrapped.
        return any(one is owner for one in there) or (self.subclasses and len(there) > 0)

    def install(self) -> None:
        """Wrap now, or when the module is imported. Again: nothing."""
        if self._end is None:
            self._end = imports.when_imported(self.module, self._arrived)

    def _leave(self) -> None:
        for family in self._families:
            family.leave(self)
        self._families = []

    def _arrived(self, module: Any) -> None:
        self._seen = True
        self._find(module)
        if not self.optional and not self.places:
            _log.warning("afdscope: %s: %s", self.path, self.state)

    def _find(self, module: Any) -> None:
        owner = module
        for part in self.parents:
            owner = getattr(owner, part, None)
            if owner is None:
                return
        if not isinstance(owner, type):
            if self.name in vars(owner):
                self._attach(owner)
                self._attach_copies()
            return
        home = wrap.defining_class(owner, self.name)
        if home is not None and home is not object:
            self._attach(home, refuse_quietly=self.subclasses)
        if self.subclasses:
            self._families.append(_family(owner, self))

    def _attach_copies(self) -> None:
        """Modules that took the function by ``from … import`` before it was wrapped."""
        if not self.places:
            return
        slot, hook = self.places[0]
        for module in list(sys.modules.values()):
            names = getattr(module, "__dict__", None)
            if not isinstance(names, dict) or module is slot.owner or names.get(self.name) is not slot.raw:
                continue
            self.places.append((wrap.attach(module, self.name, hook), hook))

    def class_came(self, cls: type) -> None:
        """A subclass: wrapped where it defines the method itself."""
        if self.name in cls.__dict__:
            self._attach(cls, refuse_quietly=True)

    def _attach(self, owner: Any, refuse_quietly: bool = False) -> None:
        if any(slot.owner is owner for slot, _ in self.places):
            return
        try:
            hook = self.hook(owner, self.name)
        except (wrap.Unknown, KeyError) as error:
            self.problem = f"refused: {error}"
            return
        if hook is None:
            return
        try:
            self.places.append((wrap.attach(owner, self.name, hook), hook))
        except (wrap.Refused, AttributeError, TypeError) as error:
            if not refuse_quietly:
                self.problem = f"refused: {error}"


class Scan(_Wrapping):
    """Methods by name in every class that a module under the prefix defines."""

    def __init__(self, prefix: str, hooks: Mapping[str, Callable[[Any, str], wrap.Hook]]) -> None:
        super().__init__(f"{prefix}.*:*.{{{','.join(hooks)}}}")
        self.prefix = prefix
        self.hooks = hooks

    def install(self) -> None:
        """Wrap in what is imported, and in what will be. Again: nothing."""
        if self._end is None:
            self._end = imports.when_imported_under(self.prefix, self._arrived)

    def _arrived(self, module: Any) -> None:
        self._seen = True
        for owner in list(vars(module).values()):
            if not isinstance(owner, type) or owner.__module__ != module.__name__:
                continue
            for name, make in self.hooks.items():
                if name not in owner.__dict__ or any(
                    slot.owner is owner and slot.name == name for slot, _ in self.places
                ):
                    continue
                hook = make(owner, name)
                try:
                    self.places.append((wrap.attach(owner, name, hook), hook))
                except (wrap.Refused, AttributeError, TypeError):
                    pass  # abstract, or a property: nothing runs there


class _Family:
    """Tells targets of the subclasses of one class, present and to come, by its ``__init_subclass__``."""

    def __init__(self, base: type) -> None:
        self.base = base
        self.targets: List[Target] = []
        self.had = base.__dict__.get("__init_subclass__")
        family = self
        owner: Any = base

        def __init_subclass__(cls: Any, **kwargs: Any) -> None:
            if family.had is not None:
                family.had.__get__(None, cls)(**kwargs)
            else:
                super(owner, cls).__init_subclass__(**kwargs)
            for target in list(family.targets):
                try:
                    target.class_came(cls)
                except Exception:  # the engine's class must come to be
                    _log.warning("afdscope: %s in %s was not wrapped", target.path, cls, exc_info=True)

        function: Any = __init_subclass__
        self.ours: Any = classmethod(function)
        setattr(base, "__init_subclass__", self.ours)

    def join(self, target: Target) -> None:
        self.targets.append(target)
        for cls in _descendants(self.base):
            target.class_came(cls)

    def leave(self, target: Target) -> None:
        if target in self.targets:
            self.targets.remove(target)
        if self.targets:
            return
        _families.pop(self.base, None)
        if self.base.__dict__.get("__init_subclass__") is self.ours:
            if self.had is None:
                delattr(self.base, "__init_subclass__")
            else:
                setattr(self.base, "__init_subclass__", self.had)


_families: Dict[type, _Family] = {}


def _family(base: type, target: Target) -> _Family:
    family = _families.get(base)
    if family is None:
        family = _families[base] = _Family(base)
    family.join(target)
    return family


def _descendants(base: type) -> List[type]:
    found: List[type] = []
    todo: List[type] = list(type.__subclasses__(base))
    while todo:
        cls = todo.pop()
        if cls not in found:
            found.append(cls)
            todo.extend(type.__subclasses__(cls))
    return found
