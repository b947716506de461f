"""What the probe is to do, from arguments and environment: OTEL_* as the OpenTelemetry
specification has them, AFDSCOPE_PROBE_* for what it does not know. Arguments win."""

from __future__ import annotations

import os
import re
import socket
import uuid
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional, Tuple, Union
from urllib.parse import unquote, urlsplit, urlunsplit

Attribute = Union[str, int, float, bool]

ROLES = ("attention", "ffn", "colocated", "prefill")
MODES = ("all", "sample", "aggregates", "ring")
DEFAULT_ENDPOINT = "http://localhost:4318"
#: The port at which OTLP/gRPC is by convention.
GRPC_PORT = 4317
#: What goes into a request line, a header's name, a header's value.
_PRINTED = re.compile(r"[!-~]+\Z")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_PRINTED_LINE = re.compile(r"[\t -~\xa0-\xff]*\Z")
#: Headers that say how the body is written.
_OWN_HEADERS = ("content-type", "content-length", "content-encoding", "transfer-encoding", "host")


class SettingsError(ValueError):
    """Why the probe stays off; says which name is wrong and what would be right."""


@dataclass
class Settings:
    """Everything is checked: whoever has one may use it."""

    resource: Dict[str, Attribute]
    traces_url: str
    metrics_url: str
    headers: Dict[str, str] = field(default_factory=dict)
    traces_timeout_s: float = 10.0
    compression: str = "none"
    certificate: Optional[str] = None
    mode: str = "all"
    #: One step in so many is sent in mode "sample".
    sample_every: int = 1
    #: Encoded bytes that wait for the collector, at most.
    queue_bytes: int = 16 << 20
    #: Events of one step, at most.
    step_events: int = 1 << 18
    #: How often steps are encoded and sent.
    period_s: float = 0.25
    exit_s: float = 2.0
    #: Cores for the probe's threads; empty: the process's.
    cpus: Tuple[int, ...] = ()
    nice: int = 0
    encoding: str = "quick"
    ring_bytes: int = 32 << 20
    ring_s: float = 30.0
    #: Payload bytes of steps that a pull asked for.
    pull_bytes_per_s: int = 256 << 10
    telemetry_s: float = 30.0
    adapters: Tuple[str, ...] = ()
    #: What is odd but no reason to stay off; said once in the log.
    warnings: List[str] = field(default_factory=list)

    @property
    def deployment(self) -> str:
        """As the collector names it (docs/schema.md)."""
        found = self.resource.get("afd.deployment") or self.resource.get("service.namespace")
        return str(found or "default")

    @classmethod
    def from_env(
        cls,
        environ: Optional[Mapping[str, str]] = None,
        *,
        role: Optional[str] = None,
        rank: Optional[int] = None,
        deployment: Optional[str] = None,
        group: Optional[str] = None,
        topology: Optional[str] = None,
        microbatches: Optional[int] = None,
        layers: Optional[int] = None,
        model: Optional[str] = None,
        connector: Optional[str] = None,
        endpoint: Optional[str] = None,
        mode: Optional[str] = None,
        resource: Optional[Mapping[str, Attribute]] = None,
    ) -> "Settings":
        """Settings of this process. Raises SettingsError."""
        env = os.environ if environ is None else environ
        warnings: List[str] = []
        given = {
            "afd.role": role,
            "afd.rank": rank,
            "afd.deployment": deployment,
            "afd.group": group,
            "afd.topology": topology,
            "afd.microbatches": microbatches,
            "afd.layers": layers,
            "gen_ai.request.model": model,
            "afd.connector": connector,
        }
        attributes = _resource(env, given, resource or {})
        traces_url, metrics_url = _urls(env, endpoint)
        found_mode, every = _mode(str(mode or "") or env.get("AFDSCOPE_PROBE_MODE", "") or "all")
        protocol = env.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or env.get(
            "OTEL_EXPORTER_OTLP_PROTOCOL", ""
        )
        if protocol not in ("", "http/protobuf"):
            warnings.append(
                f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol!r}: the probe speaks http/protobuf only,"
                f" and sends to {traces_url}"
            )
        if urlsplit(traces_url).port == GRPC_PORT:
            warnings.append(
                f"{traces_url} has the port of OTLP over gRPC, and the probe speaks HTTP: that is port 4318"
                " where nobody chose another one"
            )
        return cls(
            resource=attributes,
            traces_url=traces_url,
            metrics_url=metrics_url,
            headers=_headers(env),
            traces_timeout_s=_timeout_s(env, warnings),
            compression=_compression(env, warnings),
            certificate=_signal(env, "CERTIFICATE") or None,
            mode=found_mode,
            sample_every=every,
            queue_bytes=_int(env, "AFDSCOPE_PROBE_QUEUE_BYTES", 16 << 20, 1 << 16, warnings),
            step_events=_int(env, "AFDSCOPE_PROBE_STEP_EVENTS", 1 << 18, 1, warnings),
            exit_s=_int(env, "AFDSCOPE_PROBE_EXIT_MS", 2000, 0, warnings) / 1000,
            cpus=_cpus(env.get("AFDSCOPE_PROBE_CPUS", ""), warnings),
            nice=_int(env, "AFDSCOPE_PROBE_NICE", 0, 0, warnings),
            encoding=_choice(env, "AFDSCOPE_PROBE_ENCODING", ("quick", "full"), warnings),
            ring_bytes=_int(env, "AFDSCOPE_PROBE_RING_BYTES", 32 << 20, 0, warnings),
            ring_s=_int(env, "AFDSCOPE_PROBE_RING_S", 30, 1, warnings),
            pull_bytes_per_s=_int(
                env, "AFDSCOPE_PROBE_PULL_BYTES_PER_S", 256 << 10, 1024, warnings
            ),
            adapters=tuple(
                name.strip()
                for name in env.get("AFDSCOPE_PROBE_ADAPTERS", "").split(",")
                if name.strip()
            ),
            warnings=warnings,
        )


def switched_off(environ: Optional[Mapping[str, str]] = None) -> str:
    """Which variable switches the probe off; '' where none does."""
    env = os.environ if environ is None else environ
    if env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return "OTEL_SDK_DISABLED"
    if env.get("AFDSCOPE_PROBE", "").strip().lower() in ("0", "false", "off", "no"):
        return "AFDSCOPE_PROBE"
    return ""


def parse_pairs(text: str) -> Dict[str, str]:
    """`key=value,key=value`, values percent-encoded: OTEL_RESOURCE_ATTRIBUTES and headers.
    Raises ValueError for a piece that is no pair: the specification wants all or nothing."""
    pairs: Dict[str, str] = {}
    for piece in text.split(","):
        if piece.strip() == "":
            continue
        key, equals, value = piece.partition("=")
        if equals == "" or key.strip() == "":
            raise ValueError(f"{piece.strip()!r} is not key=value")
        pairs[unquote(key.strip())] = unquote(value.strip())
    return pairs


def _resource(
    env: Mapping[str, str],
    given: Mapping[str, Optional[Attribute]],
    more: Mapping[str, Attribute],
) -> Dict[str, Attribute]:
    attributes: Dict[str, Attribute] = {
        "service.name": "afd-worker",
        "host.name": socket.gethostname(),
    }
    try:
        attributes.update(parse_pairs(env.get("OTEL_RESOURCE_ATTRIBUTES", "")))
    except ValueError as error:
        raise SettingsError(f"OTEL_RESOURCE_ATTRIBUTES: {error}") from None
    if env.get("OTEL_SERVICE_NAME", "") != "":
        attributes["service.name"] = env["OTEL_SERVICE_NAME"]
    if not isinstance(more, Mapping):
        raise SettingsError(f"resource is {type(more).__name__}, not a dict of attributes")
    attributes.update({str(key): value for key, value in more.items() if value is not None})
    attributes.update({key: value for key, value in given.items() if value is not None})
    if "afd.role" not in attributes:
        raise SettingsError(
            "no role: start(role=...) or afd.role in OTEL_RESOURCE_ATTRIBUTES; one of "
            + ", ".join(ROLES)
        )
    if attributes["afd.role"] not in ROLES:
        raise SettingsError(f"role {attributes['afd.role']!r} is none of {', '.join(ROLES)}")
    if attributes["service.name"] == "afdscope":
        raise SettingsError("service.name 'afdscope' is the collector's own: use another")
    for key in ("afd.rank", "afd.microbatches", "afd.layers", "afd.domain"):
        if key in attributes:
            attributes[key] = _whole(key, attributes[key])
    attributes.setdefault("afd.incarnation", new_incarnation())
    return attributes


def new_incarnation() -> str:
    """Changes when the process restarts, and in a forked child."""
    return f"{os.getpid()}-{uuid.uuid4().hex[:12]}"


def _whole(key: str, value: Attribute) -> int:
    try:
        number = int(value)
        if not isinstance(value, str) and number != value:
            number = -1
    except (TypeError, ValueError, OverflowError):
        number = -1
    if not 0 <= number < 2**31:
        raise SettingsError(f"{key} is {value!r}, not a whole number from 0")
    return number


def _urls(env: Mapping[str, str], endpoint: Optional[str]) -> Tuple[str, str]:
    """Signal endpoints are taken as they are, the general one gets /v1/traces and /v1/metrics."""
    general = env.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    base = str(endpoint or general or DEFAULT_ENDPOINT).strip()
    base_name = "OTEL_EXPORTER_OTLP_ENDPOINT" if general and not endpoint else "endpoint"
    urls = []
    for signal in ("traces", "metrics"):
        name = f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"
        own = "" if endpoint else env.get(name, "").strip()
        given = own or base
        try:
            parts = urlsplit(given)
            wrong = parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0
        except ValueError:
            wrong = True
        if wrong or not _PRINTED.match(given):
            raise SettingsError(
                f"{name if own else base_name} {given!r} is no http or https address such as"
                f" {DEFAULT_ENDPOINT}"
            )
        urls.append(own or urlunsplit(parts._replace(path=parts.path.rstrip("/") + f"/v1/{signal}")))
    return urls[0], urls[1]


def _signal(env: Mapping[str, str], name: str) -> str:
    """The variable for traces, else the general one."""
    return env.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}", "") or env.get(
        f"OTEL_EXPORTER_OTLP_{name}", ""
    )


def _headers(env: Mapping[str, str]) -> Dict[str, str]:
    headers: Dict[str, str] = {}
    for name in ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"):
        try:
            pairs = parse_pairs(env.get(name, ""))
        except ValueError as error:
            # The value may be a secret.
            raise SettingsError(f"{name} is not key=value,key=value") from error
        for key, value in pairs.items():
            if not _TOKEN.match(key) or not _PRINTED_LINE.match(value):
                raise SettingsError(
                    f"{name}: the name or the value of {key!r} has characters that no HTTP header may have"
                )
            if key.lower() in _OWN_HEADERS:
                raise SettingsError(f"{name}: {key!r} is the probe's own to set")
            headers[key.lower()] = value
    return headers


def _timeout_s(env: Mapping[str, str], warnings: List[str]) -> float:
    text = _signal(env, "TIMEOUT")
    if text == "":
        return 10.0
    try:
        ms = float(text)
    except ValueError:
        ms = -1.0
    if not 0 < ms < 1e9:
        warnings.append(f"OTEL_EXPORTER_OTLP_TIMEOUT {text!r} is no number of milliseconds: 10000")
        return 10.0
    return ms / 1000


def _compression(env: Mapping[str, str], warnings: List[str]) -> str:
    text = _signal(env, "COMPRESSION").strip().lower() or "none"
    if text not in ("none", "gzip"):
        warnings.append(f"OTEL_EXPORTER_OTLP_COMPRESSION {text!r} is neither none nor gzip: none")
        return "none"
    return text


def _mode(text: str) -> Tuple[str, int]:
    """`all`, `aggregates`, `ring`, or `1/N`: one step in N."""
    name = text.strip().lower()
    if name.startswith("1/"):
        digits = name[2:]
        if digits.isdigit() and int(digits) >= 1:
            return ("sample", int(digits)) if int(digits) > 1 else ("all", 1)
    elif name in ("all", "aggregates", "ring"):
        return name, 1
    raise SettingsError(f"mode {text!r} is none of all, 1/N (such as 1/16), aggregates, ring")


def _int(
    env: Mapping[str, str], name: str, default: int, least: int, warnings: List[str]
) -> int:
    text = env.get(name, "").strip()
    if text == "":
        return default
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        warnings.append(f"{name} {text!r} is not a whole number from {least}: {default} is used")
        return default
    return value


def _choice(
    env: Mapping[str, str], name: str, choices: Tuple[str, ...], warnings: List[str]
) -> str:
    text = env.get(name, "").strip().lower()
    if text in choices:
        return text
    if text != "":
        warnings.append(f"{name} {text!r} is none of {', '.join(choices)}: {choices[0]}")
    return choices[0]


def _cpus(text: str, warnings: List[str]) -> Tuple[int, ...]:
    """A list as in `0-3,8`."""
    cpus: List[int] = []
    try:
        for piece in text.split(","):
            if piece.strip() == "":
                continue
            first, _, last = piece.partition("-")
            low, high = int(first), int(last or first)
            if not 0 <= low <= high < 65536:
                raise ValueError
            cpus.extend(range(low, high + 1))
    except ValueError:
        warnings.append(f"AFDSCOPE_PROBE_CPUS {text!r} is no list such as 0-3,8: all cores")
        return ()
    return tuple(cpus)
