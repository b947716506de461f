"""Reads layer, micro-batch and sizes from other people's objects by attribute name, one plan for each type."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Tuple

from .wrap import Unknown


#: What one exchange says of itself: layer, micro-batch, tokens; -1 and None where it does not.
Transfer = Tuple[int, int, Optional[int]]

_Reader = Callable[[Any], Transfer]
_readers: Dict[type, Optional[_Reader]] = {}


def transfer_in(args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Transfer:
    """The exchange's metadata among the arguments, told by its attributes. Raises Unknown."""
    known = _readers
    for value in args:
        reader = known[type(value)] if type(value) in known else _reader(value)
        if reader is not None:
            return reader(value)
    for value in kwargs.values():
        reader = _reader(value)
        if reader is not None:
            return reader(value)
    names = ", ".join(type(value).__name__ for value in (*args, *kwargs.values()))
    raise Unknown(f"no argument has layer_idx and stage_idx, itself or in .metadata: {names}")


def transfer_of(value: Any) -> Optional[Transfer]:
    """The exchange's metadata in a result: the object itself, ``.context``, or one of a tuple's members."""
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return next((found for found in map(transfer_of, value) if found is not None), None)
    reader = _reader(value)
    return None if reader is None else reader(value)


def _reader(value: Any) -> Optional[_Reader]:
    kind = type(value)
    try:
        return _readers[kind]
    except KeyError:
        found = _plan(value)
        if len(_readers) < 4096:
            _readers[kind] = found
        return found


def _plan(value: Any) -> Optional[_Reader]:
    if isinstance(value, (int, float, str, bytes, list, dict, type(None))) or hasattr(value, "dtype"):
        return None
    if _has(value, "layer_idx") and _has(value, "stage_idx"):
        return _read
    inner = getattr(value, "metadata", None)
    if _has(inner, "layer_idx") and _has(inner, "stage_idx"):
        return lambda context: _read(context.metadata)
    context = getattr(value, "context", None)
    if context is not None and _has(getattr(context, "metadata", None), "layer_idx"):
        return lambda payload: _read(payload.context.metadata)
    return None


def _has(value: Any, name: str) -> bool:
    return value is not None and hasattr(value, name)


def _read(metadata: Any) -> Transfer:
    layer, microbatch = metadata.layer_idx, metadata.stage_idx
    lengths = getattr(metadata, "seq_lens", None)
    if type(lengths) is list or type(lengths) is tuple:
        tokens = lengths[0] if len(lengths) == 1 else sum(lengths)
    else:
        tokens = None
    return (
        layer if type(layer) is int and layer >= 0 else -1,
        microbatch if type(microbatch) is int and microbatch >= 0 else -1,
        tokens,
    )


def index(value: Any, absent: int = -1) -> int:
    """A layer, micro-batch or rank; whatever is no integer from 0 is absent. Never asks a device."""
    return value if type(value) is int and value >= 0 else absent


def rows(tensor: Any) -> Optional[int]:
    """The leading dimension of what has a shape."""
    shape = getattr(tensor, "shape", None)
    try:
        first = shape[0] if shape else None
    except (TypeError, IndexError):
        return None
    return first if type(first) is int else None


def size_bytes(tensor: Any) -> Optional[int]:
    """The bytes of what knows them, of a host-side attribute alone."""
    size = getattr(tensor, "nbytes", None)
    return size if type(size) is int else None


def numbers(values: Any) -> Tuple[int, ...]:
    """Integers of a list or of a tensor **on the CPU**; empty for others, since asking a device blocks."""
    device = getattr(getattr(values, "device", None), "type", "cpu")
    if device != "cpu":
        return ()
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, int):
        return (values,)
    if not isinstance(values, (list, tuple)):
        return ()
    return tuple(int(value) for value in values if isinstance(value, (int, float)))
