"""Any callable as a stage, by configuration: ``AFDSCOPE_PROBE_WRAP``.

One line (or ``|``) for each callable:

    my.engine:Layer.attend=attention;layer=self.index;microbatch=arg:ubatch;tokens=rows:hidden
    my.link:send=a2f_send;layer=arg:meta.layer;peer=3;bytes=arg:hidden.nbytes
    my.engine:Engine.step=step;number=arg:step_id;phase=decode

or the same as JSON: a list of ``{"target": ..., "stage": ..., "layer": ...}``, or ``@/path/to/file`` that
holds either form. Sources of a value:

    12, decode           the value itself (``const:12``)
    arg:name.a.b[0]      an argument by its parameter's name, then attributes and indices
    self.a.b             the object whose method it is (``attr:self.a.b``)
    rows:name.a          the leading dimension of an argument
    result:.a  rows:result   of what the call returned

Fields: layer, microbatch, peer, tokens, bytes, flops, requests, context_tokens, experts_active,
experts_max_tokens, kind; ``subclasses=yes`` wraps overriding methods, too. ``stage`` ``step`` makes the call
a step: ``number`` (else counted), ``phase``, ``domain``.
"""

from __future__ import annotations

import inspect
import json
import logging
import operator
import os
import re
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from . import views
from .record import Recorder
from .targets import Target
from .wrap import Hook, Unknown

_log = logging.getLogger("afdscope_probe")

VARIABLE = "AFDSCOPE_PROBE_WRAP"
KINDS = ("compute", "transfer", "wait", "receive", "copy", "host")
NUMBERS = (
    "layer", "microbatch", "peer", "tokens", "bytes", "flops", "requests", "context_tokens",
    "experts_active", "experts_max_tokens",
)
STEP_FIELDS = ("number", "phase", "domain")
OTHERS = ("kind", "subclasses")

_PART = re.compile(r"\.([A-Za-z_]\w*)|\[(-?\d+|'[^']*'|\"[^\"]*\")\]")
Read = Callable[[Any, Any, Any], Any]  # (args, kwargs, result)


class Source(NamedTuple):
    """Where a value comes from."""

    origin: str  # const, arg, self or result
    key: str  # the argument's name
    steps: Tuple[Callable[[Any], Any], ...]
    rows: bool
    value: Any


class SpecError(ValueError):
    """What is wrong with a configured callable, and what would be right."""


class Spec(NamedTuple):
    """One configured callable."""

    target: str
    stage: str
    sources: Dict[str, Source]
    late: Tuple[str, ...]  # fields that need the result
    kind: Optional[str]
    subclasses: bool


def parse_all(text: str) -> List[Spec]:
    """The specs of a configuration in one of its forms. Raises SpecError."""
    text = text.strip()
    if text.startswith("@"):
        try:
            with open(text[1:], encoding="utf-8") as file:
                return parse_all(file.read())
        except OSError as error:
            raise SpecError(f"{VARIABLE}: {text[1:]} cannot be read: {error.strerror}") from None
    if text[:1] in ("[", "{"):
        try:
            entries = json.loads(text)
        except ValueError as error:
            raise SpecError(f"{VARIABLE} is no JSON: {error}") from None
        entries = entries.get("wrap", [entries]) if isinstance(entries, dict) else entries
        return [_parse_entry(entry) for entry in entries]
    lines = [line.strip() for line in re.split(r"[\n|]", text)]
    return [_parse_line(line) for line in lines if line and not line.startswith("#")]


def _parse_line(line: str) -> Spec:
    head, *fields = [part.strip() for part in line.split(";")]
    target, equals, stage = head.partition("=")
    if not equals:
        raise SpecError(f"{line!r}: no stage; the form is package.module:Class.method=stage;layer=arg:layer_idx")
    entry: Dict[str, Any] = {"target": target.strip(), "stage": stage.strip()}
    for field in fields:
        name, equals, source = field.partition("=")
        if not equals:
            raise SpecError(f"{line!r}: {field!r} is not of the form field=source")
        entry[name.strip()] = source.strip()
    return _parse_entry(entry)


def _parse_entry(entry: Any) -> Spec:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("target"), str):
        raise SpecError(f"{entry!r} has no target such as package.module:Class.method")
    target, stage = entry["target"], entry.get("stage")
    if not isinstance(stage, str) or not stage:
        raise SpecError(f"{target} has no stage")
    allowed = STEP_FIELDS + ("subclasses",) if stage == "step" else NUMBERS + OTHERS
    sources: Dict[str, Source] = {}
    late = []
    for name, text in entry.items():
        if name in ("target", "stage"):
            continue
        if name not in allowed:
            raise SpecError(f"{target}: there is no field {name!r}; there are {', '.join(allowed)}")
        if name in ("subclasses", "kind"):
            continue
        sources[name] = _source(target, name, str(text))
        if str(text).startswith(("result:", "rows:result")):
            late.append(name)
    kind = entry.get("kind")
    if kind is not None and kind not in KINDS:
        raise SpecError(f"{target}: kind {kind!r} is none of {', '.join(KINDS)}")
    several = str(entry.get("subclasses", "no")).lower() in ("yes", "true", "1")
    return Spec(target, stage, sources, tuple(late), kind, several)


def _source(target: str, field: str, text: str) -> Source:
    if text.startswith("attr:"):
        text = text[5:]
    if text.startswith(("self.", "self[")):
        return Source("self", "", _steps(target, field, text[4:]), False, None)
    if text.startswith("result:"):
        return Source("result", "", _steps(target, field, text[7:]), False, None)
    if text.startswith(("arg:", "rows:")):
        rows, path = text.startswith("rows:"), text.split(":", 1)[1]
        name = re.match(r"[A-Za-z_]\w*", path)
        if name is None:
            raise SpecError(f"{target}: {field}={text!r} names no argument")
        steps = _steps(target, field, path[name.end():])
        origin = name.group() if rows and name.group() in ("result", "self") else "arg"
        return Source(origin, name.group(), steps, rows, None)
    value: Any = text[6:] if text.startswith("const:") else text
    if field != "phase":
        try:
            value = int(value)
        except ValueError:
            raise SpecError(
                f"{target}: {field}={text!r} is neither a number nor arg:…, self.…, rows:… or result:…"
            ) from None
    return Source("const", "", (), False, value)


def _reader(target: str, source: Source, names: List[str], defaults: Mapping[str, Any], any_keyword: bool) -> Read:
    """How to read the source in calls of a function with these parameters. Raises Unknown."""
    origin, key, steps, rows, value = source
    if origin == "const":
        return lambda args, kwargs, result: value
    if origin == "self":
        start: Read = lambda args, kwargs, result: args[0] if args else None  # noqa: E731
    elif origin == "result":
        start = lambda args, kwargs, result: result  # noqa: E731
    else:
        place = names.index(key) if key in names else 1 << 30
        absent = defaults.get(key)
        if key not in names and key not in defaults and not any_keyword:
            raise Unknown(f"{target} has no parameter {key!r}")

        def start(args: Any, kwargs: Any, result: Any) -> Any:
            return args[place] if place < len(args) else kwargs.get(key, absent)

    if rows:
        return lambda args, kwargs, result: views.rows(_follow(start(args, kwargs, result), steps))
    if not steps:
        return start
    return lambda args, kwargs, result: _follow(start(args, kwargs, result), steps)


def _steps(target: str, field: str, text: str) -> Tuple[Callable[[Any], Any], ...]:
    steps: List[Callable[[Any], Any]] = []
    position = 0
    while position < len(text):
        found = _PART.match(text, position)
        if found is None:
            raise SpecError(f"{target}: {field}: {text[position:]!r} is neither .name nor [index]")
        if found.group(1):
            steps.append(operator.attrgetter(found.group(1)))
        else:
            raw = found.group(2)
            steps.append(operator.itemgetter(raw[1:-1] if raw[0] in "'\"" else int(raw)))
        position = found.end()
    return tuple(steps)


def _follow(value: Any, steps: Tuple[Callable[[Any], Any], ...]) -> Any:
    try:
        for step in steps:
            if value is None:
                return None
            value = step(value)
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise Unknown(f"{type(error).__name__}: {error}") from None
    return value


def whole(value: Any) -> Optional[int]:
    """An integer of what is one, without asking a device; None for the rest."""
    if type(value) is int:
        return value
    if value is None or type(value) is bool:
        return None
    if getattr(getattr(value, "device", None), "type", "cpu") != "cpu":
        raise Unknown("the value lies on a device; reading it would wait for it")
    try:
        return operator.index(value)
    except TypeError:
        raise Unknown(f"{type(value).__name__} is no whole number") from None


class _Configured(Hook):
    def __init__(self, spec: Spec, recorder: Recorder, fail: Callable[[Hook, Exception], None], function: Any) -> None:
        super().__init__("generic " + spec.target, fail)
        self.spec = spec
        self.recorder = recorder
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):
            parameters = []
        names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        defaults = {p.name: None if p.default is p.empty else p.default for p in parameters}
        open_ended = not parameters or any(p.kind is p.VAR_KEYWORD for p in parameters)
        read = {
            name: _reader(spec.target, source, names, defaults, open_ended) for name, source in spec.sources.items()
        }
        nothing: Read = lambda args, kwargs, result: None  # noqa: E731
        self.late = [(name, read[name]) for name in spec.late]
        self.places_late = bool({"layer", "microbatch"} & set(spec.late))
        early = {name: reader for name, reader in read.items() if name not in spec.late}
        self.layer = early.pop("layer", nothing)
        self.microbatch = early.pop("microbatch", nothing)
        self.early = list(early.items())
        self.fixed: Dict[str, Any] = {"kind": spec.kind} if spec.kind else {}

    def enter(self, args: Any, kwargs: Any) -> Any:
        values = dict(self.fixed)
        for name, read in self.early:
            value = whole(read(args, kwargs, None))
            if value is not None and value >= 0:
                values[name] = value
        layer, microbatch = whole(self.layer(args, kwargs, None)), whole(self.microbatch(args, kwargs, None))
        begin = self.recorder.begin_late if self.places_late else self.recorder.begin
        return begin(
            self.spec.stage,
            -1 if layer is None or layer < 0 else layer,
            -1 if microbatch is None or microbatch < 0 else microbatch,
            values,
        )

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        if not self.late or error is not None:
            self.recorder.end(token)
            return
        values: Dict[str, Any] = {}
        try:
            for name, read in self.late:
                value = whole(read(args, kwargs, result))
                if value is not None and value >= 0:
                    values[name] = value
        finally:
            layer, microbatch = values.pop("layer", None), values.pop("microbatch", None)
            self.recorder.end(token, layer, microbatch, values)


class _ConfiguredStep(_Configured):
    """The call is a step."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.steps = 0

    def enter(self, args: Any, kwargs: Any) -> Any:
        read = {name: reader(args, kwargs, None) for name, reader in self.early}
        number = whole(read.get("number"))
        if number is None:
            number = self.steps
        self.steps += 1
        self.recorder.probe.begin_step(
            number, phase=str(read.get("phase") or "decode"), domain=whole(read.get("domain"))
        )
        return True

    def leave(self, token: Any, args: Any, kwargs: Any, result: Any, error: Any) -> None:
        self.recorder.probe.end_step()
        self.recorder.step_ended()


class GenericAdapter:
    """The callables of ``AFDSCOPE_PROBE_WRAP``; none without it."""

    name = "generic"

    def __init__(
        self,
        recorder: Recorder,
        fail: Callable[[Hook, Exception], None],
        told: Callable[[Dict[str, Any]], None],
        text: Optional[str] = None,
    ) -> None:
        self._recorder = recorder
        self._fail = fail
        self.targets: List[Target] = []
        for spec in _specs(os.environ.get(VARIABLE, "") if text is None else text):
            try:
                self.targets.append(Target(spec.target, self._maker(spec), spec.subclasses, optional=False))
            except ValueError as error:
                _log.warning("afdscope: %s: %s", VARIABLE, error)

    def _maker(self, spec: Spec) -> Callable[[Any, str], Hook]:
        made: Dict[int, Hook] = {}

        def make(owner: Any, name: str) -> Hook:
            if id(owner) not in made:
                function = vars(owner)[name]
                function = getattr(function, "__func__", function)
                kind = _ConfiguredStep if spec.stage == "step" else _Configured
                made[id(owner)] = kind(spec, self._recorder, self._fail, function)
            return made[id(owner)]

        return make


def _specs(text: str) -> List[Spec]:
    """Those that are right; what is wrong with the others is said once."""
    try:
        return parse_all(text) if text.strip() else []
    except SpecError as error:
        if text.lstrip()[:1] in ("[", "{", "@"):
            _log.warning("afdscope: %s", error)
            return []
    found = []
    for line in re.split(r"[\n|]", text):
        try:
            found.extend(parse_all(line))
        except SpecError as error:
            _log.warning("afdscope: %s: %s", VARIABLE, error)
    return found
