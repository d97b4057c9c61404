"""What a caller is told when an argument of another kind than a signature says leads to an error of Python's.

Most public methods take what they are given to where it is used, so that a `Path` or a number of NumPy's may
stand for a text or a number. What can't be used fails somewhere below, in words about our own code. Here the
arguments are then held against the signature, and the one that does not fit is named.
"""

from __future__ import annotations

import builtins
import errno
import inspect
import os
import sys
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import wraps
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, Union, cast

from runyard.errors import InvalidParameter, RunyardError
from runyard.sdk.arguments import shown

_Named = TypeVar("_Named", bound=Callable[..., Any])
_RAW: Final = (TypeError, AttributeError, ValueError, LookupError, AssertionError, OverflowError)
_OWN_FAULTS: Final = (RunyardError, OSError, *_RAW)
_WORDS: Final = {
    str: "a text",
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    NoneType: "None",
    os.PathLike: "a path",
}
_LISTS: Final = (Collection, Iterable, Iterator)
_ITEMS_LOOKED_AT = 1000
# What the file systems of Linux take.
_MAX_PATH_BYTES = 4095
_MAX_NAME_BYTES = 255


def names_arguments(named: _Named) -> _Named:
    """Let a function, or a class's public methods, name the argument that does not fit and leads to an error.

    What fits costs nothing more than a call.

    Example:
        >>> run.download_files(5)
        Traceback (most recent call last):
        ...
        runyard.errors.InvalidParameter: prefix must be a text or None, not 5.
    """
    if not isinstance(named, type):
        return cast(_Named, _naming(named))
    for name, member in list(vars(named).items()):
        kind = type(member) if isinstance(member, staticmethod | classmethod) else None
        function = member.__func__ if kind else member
        if inspect.isfunction(function) and (not name.startswith("_") or name == "__init__"):
            wrapped = _naming(function)
            setattr(named, name, kind(wrapped) if kind else wrapped)
    return named


def _naming(function: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.isgeneratorfunction(function):

        @wraps(function)
        def generate(*args: Any, **options: Any) -> Iterator[Any]:
            try:
                yield from function(*args, **options)
            except _OWN_FAULTS as error:
                _explain(function, args, options, error)
                raise

        return generate

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except _OWN_FAULTS as error:
            _explain(function, args, options, error)
            raise

    return call


def _explain(
    function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any], error: Exception
) -> None:
    """Raise what names the first argument that does not fit, if there is one and it is not named already.

    Raises:
        InvalidParameter: It is that one.
    """
    # A method that calls another one hands on what it was given, under another name.
    cause = error.__cause__ if isinstance(error, InvalidParameter) else error
    is_too_long = isinstance(cause, OSError) and cause.errno == errno.ENAMETOOLONG
    if not (is_too_long or isinstance(cause, _RAW)) or isinstance(cause, RunyardError):
        return
    try:
        given = inspect.signature(function).bind(*args, **options)
    except TypeError:
        return  # one is missing or too many, and Python's own words name it
    if is_too_long:
        _explain_long(given, cause)
        return
    hints = _hints(function)
    for name, value in _each(given):
        if name in hints and not _fits(value, hints[name]):
            said = _said(hints[name])
            raise InvalidParameter(f"{name} must be {said}, not {shown(value)}.") from cause


def _explain_long(given: inspect.BoundArguments, cause: BaseException | None) -> None:
    for name, value in _each(given):
        for path in value if _is_list(value) and not isinstance(value, Iterator) else [value]:
            if isinstance(path, str | os.PathLike) and _is_long(os.fsencode(path)):
                raise InvalidParameter(
                    f"{name} must be a path of at most {_MAX_PATH_BYTES} bytes, and {_MAX_NAME_BYTES} to a "
                    f"name in it, not {shown(path)}."
                ) from cause


def _is_long(path: bytes) -> bool:
    return len(path) > _MAX_PATH_BYTES or any(len(name) > _MAX_NAME_BYTES for name in path.split(b"/"))


def _each(given: inspect.BoundArguments) -> Iterator[tuple[str, Any]]:
    for name, value in given.arguments.items():
        kind = given.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            yield from ((name, each) for each in value)
        elif kind is not inspect.Parameter.VAR_KEYWORD:
            yield name, value


class _Names(dict[str, Any]):
    """The names of a module's annotations, those among them that only a type checker imports."""

    def __init__(self, known: dict[str, Any]) -> None:
        super().__init__()
        self._known = known

    def __missing__(self, name: str) -> Any:
        for place in (self._known, vars(builtins)):
            if name in place:
                return place[name]
        homes = (each for key, each in list(sys.modules.items()) if key.startswith("runyard.sdk."))
        return next((vars(home)[name] for home in homes if name in vars(home)), Any)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    known = getattr(function, "__globals__", {})
    return typing.get_type_hints(function, known, _Names(known))


def _fits(value: object, hint: Any) -> bool:
    """Whether a value is of the kind that an annotation says, as far as it can be looked at."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is typing.Literal:
        return value in parts
    kind = origin or (NoneType if hint is None else hint)
    if kind is Any or not isinstance(kind, type):  # since Python 3.11 `Any` is a class
        return True
    if issubclass(kind, Mapping):
        return isinstance(value, Mapping) and _pairs_fit(value, parts)
    if kind is not str and issubclass(kind, _LISTS):
        return _is_list(value) and _items_fit(value, parts)
    return _is_plain(value, kind)


def _is_plain(value: object, kind: type) -> bool:
    if kind is str:
        return isinstance(value, str) and _is_unicode(value)
    if kind in (int, float):
        is_number = hasattr(value, "__index__") or (kind is float and hasattr(value, "__float__"))
        return is_number and not isinstance(value, bool)
    return isinstance(value, kind)


def _is_unicode(value: str) -> bool:
    return value.encode(errors="replace").decode() == value


def _is_list(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def _items_fit(value: Any, parts: tuple[Any, ...]) -> bool:
    # An iterator is used up, and a tuple of several kinds has no one kind of items.
    if not isinstance(value, list | tuple | set | frozenset) or not parts or len(parts) > 1:
        return True
    return all(_fits(item, parts[0]) for item in list(value)[:_ITEMS_LOOKED_AT])


def _pairs_fit(value: Mapping[Any, Any], parts: tuple[Any, ...]) -> bool:
    if len(parts) != 2:
        return True
    pairs = list(value.items())[:_ITEMS_LOOKED_AT]
    return all(_fits(key, parts[0]) and _fits(each, parts[1]) for key, each in pairs)


def _said(hint: Any) -> str:
    """Return what an annotation says, in words."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, UnionType):
        *others, last = dict.fromkeys(_said(part) for part in parts)
        return f"{', '.join(others)} or {last}" if others else last
    if origin is typing.Literal:
        return f"one of {', '.join(repr(part) for part in parts)}"
    kind = origin or (NoneType if hint is None else hint)
    if kind in _WORDS:
        return _WORDS[kind]
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return "values by names, as {'team': 'robots'}"
    if isinstance(kind, type) and issubclass(kind, _LISTS):
        return "a list of texts" if parts == (str,) else "a list"
    return f"of the kind {getattr(kind, '__name__', kind)}"
