"""Names of Azure's first SDK that have no counterpart: asked for, they say what to use."""

from __future__ import annotations

from typing import Final, NoReturn

from runyard.errors import NotImplementedHere

NO_SERVICES: Final = "Serve a registered model with `mlflow models serve -m models:/NAME/VERSION`."


class AbsentHere(NotImplementedHere, AttributeError):
    """A name of Azure's first SDK has no counterpart; the message says what to use.

    It is an :class:`AttributeError` too, so ``hasattr`` says no.
    """


class Absent:
    """Stands for such a name in a class, and raises :class:`AbsentHere` on the class and on its objects.

    Args:
        advice: What to use in its place, as a sentence.
    """

    def __init__(self, advice: str) -> None:
        self._advice = advice
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> NoReturn:
        raise AbsentHere(f"Runyard has no {owner.__name__}.{self._name}. {self._advice}")
