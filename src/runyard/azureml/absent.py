"""What stands for a name that has no counterpart: it can be imported, and its use says what else to use."""

from __future__ import annotations

from typing import Any, NoReturn

from runyard.errors import NotImplementedHere


class _Absent(type):
    """The kind of such names: classes, so that ``isinstance`` and ``except`` can be asked of them."""

    _said: str

    def __call__(cls, *_arguments: Any, **_options: Any) -> NoReturn:
        raise NotImplementedHere(cls._said)

    def __getattr__(cls, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotImplementedHere(cls._said)

    def __repr__(cls) -> str:
        return f"<{cls._said}>"


def absent(name: str, advice: str) -> type:
    """Return a class that raises :class:`NotImplementedHere` when it is called or asked for a member.

    Args:
        name: Its full name in Microsoft's package.
        advice: What to use in its place, as a sentence.
    """
    return _Absent(name.rpartition(".")[2], (Exception,), {"_said": f"Runyard has no {name}. {advice}"})
