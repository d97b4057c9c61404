"""Bytes to typed messages and back, as lenient and as talkative as MLflow's own server.

MLflow reads protobuf's JSON: numbers may come as strings, NaN as a string or bare, ``null``
means absent, and a body that is no JSON counts as empty. What does not fit is answered with
MLflow's words, which clients and their tests look for (``mlflow/server/handlers.py``).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_origin

import msgspec

from runyard.decoding import learnt
from runyard.errors import InvalidParameter

Message = TypeVar("Message", bound=msgspec.Struct)
Chosen = TypeVar("Chosen", bound=Enum)
WireFloat = float | str

MAX_DEPTH = 64
"""More than any message has; what is deeper could only exhaust the stack."""

_SEE_DOCS = " See the API docs for more information about request parameters."
_AT = re.compile(r" - at `\$\.?(.*)`$")
_MISSING = re.compile(r"missing required field `(\w+)`")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_CAMEL = re.compile(r"_([a-z0-9])")
_FIRST_STEP = re.compile(r"[.\[]")
_READ_LOOSELY: dict[str, Callable[[float], float]] = {
    "timestamp": math.trunc,
    "step": math.trunc,
    "start_time": math.trunc,
    "end_time": math.trunc,
    "value": float,
}
"""Numbers that MLflow's server takes in another form too, and how they are read.

It takes a time of ``time.time() * 1000`` for 0, without a word; here its fraction goes. ``true`` is 1.0.
"""
_READ_AS: dict[Callable[[float], float], str] = {math.trunc: "int", float: "float"}
_WRITTEN_NUL = b"\\u0000"
_SHORT_BYTES = 8192
"""Up to here a body is looked through for fields in camel case: a large one costs more so than to decode."""
_encoder = msgspec.json.Encoder()


def decode(message: type[Message], body: bytes) -> Message:
    """Return the JSON ``body`` as a ``message``.

    Raises:
        InvalidParameter: A field is missing or of another type; the text names it.
    """
    if len(body) <= _SHORT_BYTES and any(name in body for name in _camel_in_json(message)):
        return convert(message, _loads(body))
    try:
        decoded: Message = _decoder(message).decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return convert(message, _loads(body))
    if _WRITTEN_NUL in body:
        _refuse_nul(msgspec.to_builtins(decoded))
    refuse_empty(message, decoded)
    return decoded


def decode_query(message: type[Message], pairs: Iterable[tuple[str, str]], body: bytes = b"") -> Message:
    """Return a query string's ``pairs`` as a ``message``; repeated keys make lists.

    A GET without a query may carry a JSON body instead, as old clients send it.
    """
    shapes = {field.encode_name: _is_list(field.type) for field in msgspec.structs.fields(message)}
    own_names = dict(_camel_names(message))
    raw: dict[str, Any] = {}
    for sent, value in pairs:
        name = sent if sent in shapes else own_names.get(sent, sent)
        if shapes.get(name):
            raw.setdefault(name, []).append(value)
        else:
            raw[name] = value
    return convert(message, raw if raw or not body else _loads(body))


def convert(message: type[Message], raw: dict[str, Any]) -> Message:
    """Return plain JSON values as a ``message``, reading numbers that came as text.

    No refusal repeats the value of a field that the message names in ``__wire_unsaid__``.
    """
    unsaid: frozenset[str] = getattr(message, "__wire_unsaid__", frozenset())
    for name in unsaid:
        for sent in (name, *(camel for camel, own in _camel_names(message) if own == name)):
            _refuse_half_secret(name, raw.get(sent))
    raw = _without_nulls(raw)
    _put_under_own_names(message, raw)
    for name, alias in getattr(message, "__wire_aliases__", {}).items():
        if name not in raw and alias in raw:
            raw[name] = raw[alias]
    _refuse_nul(raw)
    _refuse_booleans(message, raw)
    _read_loosely(message, raw)
    try:
        converted = msgspec.convert(raw, learnt(message), strict=False)
    except msgspec.ValidationError as error:
        raise _in_mlflow_words(str(error), raw, unsaid) from None
    refuse_empty(message, converted)
    return converted


def _read_loosely(message: type[msgspec.Struct], raw: dict[str, Any]) -> None:
    """Put plain numbers where others stand that are read too, in a body and in all structs within it."""
    for name, kind in _number_fields(message):
        read = _READ_LOOSELY.get(name)
        if read is not None and kind == _READ_AS[read] and _is_loose(raw.get(name), read):
            raw[name] = read(raw[name])
    for name, inner in _inner_structs(message):
        part = raw.get(name)
        for each in part if isinstance(part, list) else [part]:
            if isinstance(each, dict):
                _read_loosely(inner, each)


def _is_loose(value: Any, read: Callable[[float], float]) -> bool:
    return isinstance(value, bool) if read is float else isinstance(value, float) and math.isfinite(value)


def refuse_empty(message: type[msgspec.Struct], decoded: msgspec.Struct) -> None:
    """Treat an empty required text as a missing one, as protobuf does."""
    for name in _required(message):
        if getattr(decoded, name) == "":
            raise missing(name)


def encode(answer: Any) -> bytes:
    """Return ``answer`` as JSON; fields left :data:`msgspec.UNSET` are left out."""
    return _encoder.encode(answer)


def encoded(message: type[Message], body: bytes) -> Message:
    """Return JSON in the place of the ``message`` that it is; :func:`encode` writes it as it stands.

    It has no fields to be read: it is for answers alone.
    """
    return cast(Message, msgspec.Raw(body))


def wire_float(value: float) -> WireFloat:
    """Return ``value`` as protobuf's JSON writes it: NaN and infinities become words."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def wire_floats(values: Sequence[float]) -> list[WireFloat]:
    """Return a column of numbers for JSON, with words for the ones that JSON has no number for."""
    return [value if math.isfinite(value) else wire_float(value) for value in values]


def missing(name: str) -> InvalidParameter:
    """The error for a required field that was not sent."""
    return InvalidParameter(f"Missing value for required parameter '{name}'.{_SEE_DOCS}")


def invalid(name: str, value: Any, why: str = "") -> InvalidParameter:
    """The error for a field whose ``value`` can't be taken; ``why`` says what is expected."""
    return InvalidParameter(invalid_value(name, value, why))


def invalid_part(name: str, raw: dict[str, Any], why: str) -> InvalidParameter:
    """The error for a field ``raw`` that is a struct of its own; ``why`` is what msgspec says of it.

    Where that names a part, so does the text: as ``name.part``.
    """
    if _AT.search(why):
        return _in_mlflow_words(why.replace("`$", f"`$.{name}"), {name: raw}, frozenset())
    absent = _MISSING.search(why)
    return missing(f"{name}.{absent.group(1)}") if absent else InvalidParameter(f"'{name}': {why}.")


def choice(kind: type[Chosen], text: str, name: str) -> Chosen:
    """Return the member of ``kind`` that a field names by its value.

    Raises:
        InvalidParameter: There is none; the text says which there are.
    """
    try:
        return kind(text)
    except ValueError:
        *others, last = (str(each.value) for each in kind)
        raise invalid(name, text, f"Expected {', '.join(others)} or {last}.") from None


def invalid_value(name: str, value: Any, why: str = "") -> str:
    """MLflow's sentence for a value that can't be taken."""
    shown = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    shown = shown if len(shown) <= 500 else shown[:500] + "..."
    return f"Invalid value {shown} for parameter '{name}' supplied" + (f": {why}" if why else ".")


def _in_mlflow_words(text: str, raw: dict[str, Any], unsaid: frozenset[str]) -> InvalidParameter:
    at = _AT.search(text)
    path = at.group(1) if at else ""
    absent = _MISSING.search(text)
    if absent:
        return missing(f"{path}.{absent.group(1)}" if path else absent.group(1))
    value: Any = raw
    # Which key of a mapping it was, behind that, is not told.
    for name, index in _STEP.findall(path.partition("[...]")[0]):
        value = value[int(index)] if index else value.get(name) if isinstance(value, dict) else value
    hint = f" Hint: Value was of type '{type(value).__name__}'. {_AT.sub('', text)}."
    is_said = not unsaid or _FIRST_STEP.split(path)[0] not in {"", *unsaid}
    return InvalidParameter(invalid_value(path or "body", value if is_said else "...", hint) + _SEE_DOCS)


def _loads(body: bytes) -> dict[str, Any]:
    try:
        raw = json.loads(body) if body else {}
        if isinstance(raw, str):
            raw = json.loads(raw)
    except ValueError:
        return {}
    except RecursionError:
        raise _too_deep() from None
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise InvalidParameter("The request's body must be a JSON object.")
    return raw


def _without_nulls(raw: Any, depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        raise _too_deep()
    if isinstance(raw, dict):
        return {
            _without_nulls(key): _without_nulls(value, depth + 1)
            for key, value in raw.items()
            if value is not None
        }
    if isinstance(raw, list):
        return [_without_nulls(value, depth + 1) for value in raw]
    if isinstance(raw, str) and not raw.isprintable():
        _refuse_half_characters(raw)
    return raw


def _refuse_half_characters(text: str) -> None:
    """Refuse what JSON can say and no database keeps: one half of a pair of surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidParameter(
            f"{text[:100]!a} holds half of a surrogate pair, which is no character."
        ) from None


def _refuse_half_secret(name: str, value: Any) -> None:
    """Refuse what :func:`_without_nulls` would, by the name of the field instead of by its content."""
    try:
        _without_nulls(value)
    except InvalidParameter:
        raise InvalidParameter(f"'{name}' holds what is no character.") from None


def _refuse_nul(raw: Any, path: str = "") -> None:
    """Refuse the one character that PostgreSQL keeps in no text, whatever database there is."""
    if isinstance(raw, str):
        if "\0" in raw:
            raise InvalidParameter(f"'{path}' holds the character NUL, which no text may.")
    elif isinstance(raw, dict):
        for name, value in raw.items():
            _refuse_nul(name, f"{path} (a key)".lstrip())
            _refuse_nul(value, f"{path}.{name}" if path else name)
    elif isinstance(raw, list):
        for index, value in enumerate(raw):
            _refuse_nul(value, f"{path}[{index}]")


def _too_deep() -> InvalidParameter:
    return InvalidParameter(f"The request's body is nested deeper than {MAX_DEPTH} levels.")


def _refuse_booleans(message: type[msgspec.Struct], raw: dict[str, Any]) -> None:
    """Refuse booleans where numbers belong, but for values: lax conversion would take ``true`` for 1."""
    for name, kind in _number_fields(message):
        if isinstance(raw.get(name), bool) and _READ_LOOSELY.get(name) is not float:
            hint = f" Hint: Value was of type 'bool'. Expected `{kind}`."
            raise InvalidParameter(invalid_value(name, raw[name], hint) + _SEE_DOCS)


@cache
def _decoder(message: type[Message]) -> msgspec.json.Decoder[Message]:
    return msgspec.json.Decoder(learnt(message))


@cache
def _required(message: type[msgspec.Struct]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(message) if field.required)


@cache
def _number_fields(message: type[msgspec.Struct]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (field.encode_name, kind.__name__)
        for field in msgspec.structs.fields(message)
        for kind in (int, float)
        if kind in _parts(field.type)
    )


@cache
def _inner_structs(message: type[msgspec.Struct]) -> tuple[tuple[str, type[msgspec.Struct]], ...]:
    """The fields that hold structs of their own, or lists of them."""
    return tuple(
        (field.encode_name, inner)
        for field in msgspec.structs.fields(message)
        for part in _parts(field.type)
        for inner in (_parts(part.__args__[0]) if get_origin(part) is list else [part])
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct)
    )


@cache
def _camel_names(message: type[msgspec.Struct]) -> tuple[tuple[str, str], ...]:
    """The fields of a message that protobuf's JSON takes by another name too: ``runId`` for ``run_id``."""
    names = (field.encode_name for field in msgspec.structs.fields(message))
    return tuple((_CAMEL.sub(lambda found: found[1].upper(), name), name) for name in names if "_" in name)


@cache
def _camel_in_json(message: type[msgspec.Struct]) -> tuple[bytes, ...]:
    """The same of a message and all structs within it, as they stand in a body."""
    found, ahead = {message}, [message]
    while ahead:
        within = {inner for _, inner in _inner_structs(ahead.pop())} - found
        found |= within
        ahead += within
    return tuple({f'"{camel}"'.encode() for each in found for camel, _ in _camel_names(each)})


def _put_under_own_names(message: type[msgspec.Struct], raw: dict[str, Any]) -> None:
    """Put fields that came in camel case under their own names, unless these came too."""
    for camel, name in _camel_names(message):
        if camel in raw and name not in raw:
            raw[name] = raw.pop(camel)
    for name, inner in _inner_structs(message):
        part = raw.get(name)
        for each in part if isinstance(part, list) else [part]:
            if isinstance(each, dict):
                _put_under_own_names(inner, each)


def _is_list(kind: Any) -> bool:
    return any(get_origin(part) is list for part in _parts(kind))


def _parts(kind: Any) -> list[Any]:
    """The members of a union, without the limits that are annotated to them."""
    members = kind.__args__ if get_origin(kind) in (Union, UnionType) else (kind,)
    return [member.__origin__ if hasattr(member, "__metadata__") else member for member in members]
