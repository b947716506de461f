"""Wraps functions and methods of other people's modules: idempotent, removable, transparent.

A **slot** is one function or method where it is defined, and the hooks on it. However many hooks come
and go there is one wrapper; when the last hook leaves, the very object that was there before is put
back. Results, exceptions, signature, name and ``__wrapped__`` are the wrapped function's. While
torch.compile traces, and while a CUDA graph is recorded, the wrapper only calls through.

A **hook** has ``enter(args, kwargs)``, whose result is the token of this call (None: nothing to leave),
and ``leave(token, args, kwargs, result, error)``. Calls nested in a call of the same ``group`` in the
same thread or task (``super()``, a model that delegates to its layer) do not reach the hook. A hook
that raises is switched off after one line in the log; the wrapped call goes on.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
import logging
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from . import guards

_log = logging.getLogger("afdscope_probe")

Args = Tuple[Any, ...]
Kwargs = Dict[str, Any]

_MARK = "__afdscope_slot__"
_INERT: Tuple["Hook", ...] = ()


class Refused(TypeError):
    """Why this cannot be wrapped."""


class Unknown(LookupError):
    """Raised by a hook that does not know the shape of what it was given: it alone goes off."""


class Hook:
    """Base of what sits on a slot."""

    #: Calls nested in one of the same group are not seen.
    group: str = ""
    @property
    def in_capture(self) -> bool:
        """Whether calls during the capture of a CUDA graph are seen, too."""
        return False

    def __init__(self, group: str, fail: Optional[Callable[["Hook", Exception], None]] = None) -> None:
        self.group = group
        self.active = True
        self._fail = fail
        self.inside: contextvars.ContextVar[bool] = inside_of(group)

    def enter(self, args: Args, kwargs: Kwargs) -> Any:
        """Before the call. None: ``leave`` is not called."""

    def leave(self, token: Any, args: Args, kwargs: Kwargs, result: Any, error: Optional[BaseException]) -> None:
        """After the call; error is what it raised."""

    def failed(self, error: Exception) -> None:
        """Off, and said once."""
        if not self.active:
            return
        self.active = False
        try:
            if self._fail is not None:
                self._fail(self, error)
            else:
                _log.warning("afdscope: hook %s is switched off: %r", self.group, error)
        except Exception:
            pass


#: A hook that saw the call, its token, and what takes "inside" back.
Entered = Tuple[Hook, Any, "contextvars.Token[bool]"]

_insides: Dict[str, "contextvars.ContextVar[bool]"] = {}


def inside_of(group: str) -> "contextvars.ContextVar[bool]":
    """True in a thread or task that is in a call of this group."""
    found = _insides.get(group)
    if found is None:
        found = _insides[group] = contextvars.ContextVar("afdscope " + group, default=False)
    return found


class Slot:
    """One function or method, and the hooks on it."""

    def __init__(self, owner: Any, name: str, raw: Any, function: Callable[..., Any]) -> None:
        self.owner = owner
        self.name = name
        self.raw = raw  # what stood in the owner's __dict__, a staticmethod object too
        self.function = function
        self.hooks: Tuple[Hook, ...] = _INERT
        self.wrapper = _coroutine(self) if inspect.iscoroutinefunction(function) else _plain(self)
        setattr(self.wrapper, _MARK, self)

    def install(self) -> None:
        guards.bind()
        put: Any = self.wrapper
        if isinstance(self.raw, staticmethod):
            put = staticmethod(self.wrapper)
        elif isinstance(self.raw, classmethod):
            put = classmethod(self.wrapper)
        setattr(self.owner, self.name, put)

    def remove(self, hook: Hook) -> None:
        """Take one hook off; with the last one the original comes back.

        Where somebody wrapped our wrapper meanwhile it stays, and only calls through."""
        self.hooks = tuple(other for other in self.hooks if other is not hook)
        if not self.hooks and slot_at(self.owner, self.name) is self:
            setattr(self.owner, self.name, self.raw)


def _plain(slot: Slot) -> Callable[..., Any]:
    function = slot.function

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if guards.compiling():
            return function(*args, **kwargs)
        hooks = slot.hooks
        if len(hooks) != 1:
            return _several(function, hooks, args, kwargs)
        hook = hooks[0]
        inside = hook.inside
        if not hook.active or inside.get() or (guards.capturing() and not hook.in_capture):
            return function(*args, **kwargs)
        try:
            token = hook.enter(args, kwargs)
        except Exception as error:
            hook.failed(error)
            return function(*args, **kwargs)
        reset = inside.set(True)
        try:
            result = function(*args, **kwargs)
        except BaseException as raised:
            inside.reset(reset)
            if token is not None:
                _leave(hook, token, args, kwargs, None, raised)
            raise
        inside.reset(reset)
        if token is not None:
            try:
                hook.leave(token, args, kwargs, result, None)
            except Exception as error:
                hook.failed(error)
        return result

    return wrapper


def _coroutine(slot: Slot) -> Callable[..., Any]:
    function = slot.function

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        entered = _enter_all(slot.hooks, args, kwargs)
        try:
            result = await function(*args, **kwargs)
        except BaseException as raised:
            _leave_all(entered, args, kwargs, None, raised)
            raise
        _leave_all(entered, args, kwargs, result, None)
        return result

    return wrapper


def _several(function: Callable[..., Any], hooks: Tuple[Hook, ...], args: Args, kwargs: Kwargs) -> Any:
    entered = _enter_all(hooks, args, kwargs)
    try:
        result = function(*args, **kwargs)
    except BaseException as raised:
        _leave_all(entered, args, kwargs, None, raised)
        raise
    _leave_all(entered, args, kwargs, result, None)
    return result


def _enter_all(hooks: Tuple[Hook, ...], args: Args, kwargs: Kwargs) -> "List[Entered]":
    entered: List[Entered] = []
    capturing = bool(hooks) and guards.capturing()
    for hook in hooks:
        if not hook.active or hook.inside.get() or (capturing and not hook.in_capture):
            continue
        try:
            token = hook.enter(args, kwargs)
        except Exception as error:
            hook.failed(error)
            continue
        entered.append((hook, token, hook.inside.set(True)))
    return entered


def _leave_all(entered: "List[Entered]", args: Args, kwargs: Kwargs, result: Any, error: Optional[BaseException]) -> None:
    for hook, token, reset in reversed(entered):
        try:
            hook.inside.reset(reset)
        except ValueError:
            pass  # a coroutine that was driven on, or closed, in another context: that one is not inside
        if token is not None:
            _leave(hook, token, args, kwargs, result, error)


def _leave(hook: Hook, token: Any, args: Args, kwargs: Kwargs, result: Any, error: Optional[BaseException]) -> None:
    try:
        hook.leave(token, args, kwargs, result, error)
    except Exception as failure:
        hook.failed(failure)


def slot_at(owner: Any, name: str) -> Optional[Slot]:
    """The slot in force at this place, if any. Looks at the owner alone, not at its bases."""
    return getattr(_function_of(_own(owner).get(name)), _MARK, None)


def attach(owner: Any, name: str, hook: Hook) -> Slot:
    """Put a hook on ``owner.name``, which the owner itself defines. A second time does nothing.

    Raises Refused for what is no plain or coroutine function."""
    slot = slot_at(owner, name)
    if slot is None or slot.owner is not owner:
        raw = _own(owner).get(name)
        slot = Slot(owner, name, raw, _wrappable(owner, name, raw))
        slot.hooks = (hook,)
        slot.install()
    elif hook not in slot.hooks:
        slot.hooks = slot.hooks + (hook,)
    return slot


def defining_class(cls: type, name: str) -> Optional[type]:
    """The class of the method resolution order in which the name stands."""
    return next((base for base in cls.__mro__ if name in base.__dict__), None)


def _own(owner: Any) -> Mapping[str, Any]:
    own: Mapping[str, Any] = vars(owner)
    return own


def _function_of(raw: Any) -> Any:
    return raw.__func__ if isinstance(raw, (staticmethod, classmethod)) else raw


def _wrappable(owner: Any, name: str, raw: Any) -> Callable[..., Any]:
    function = _function_of(raw)
    where = f"{getattr(owner, '__qualname__', getattr(owner, '__name__', owner))}.{name}"
    if function is None or isinstance(function, type) or not callable(function):
        raise Refused(f"{where} is no function ({type(function).__name__})")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise Refused(f"{where} is a generator: wrap what it calls, or the loop that drives it")
    if getattr(function, "__isabstractmethod__", False):
        raise Refused(f"{where} is abstract")
    found: Callable[..., Any] = function
    return found
