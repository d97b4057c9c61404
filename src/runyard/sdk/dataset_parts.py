"""Parts of a dataset: the first rows or files of it, those after them, or what chance draws."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from runyard.errors import InvalidParameter
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import number, shown, whole_number

Self = TypeVar("Self", bound="HasParts")


@dataclass(frozen=True)
class Stretch:
    """What stands between two places of an order.

    Args:
        start: How many come before.
        end: The first that is not there any more; None for all that follow.
    """

    start: int = 0
    end: int | None = None

    def of(self, places: Sequence[int]) -> Sequence[int]:
        """Return those of the places that are in it."""
        return places[self.start : self.end]


@dataclass(frozen=True)
class Sample:
    """What chance draws, the same ones each time.

    Args:
        share: Of how many of all, roughly.
        seed: What chance begins with.
        is_rest: Whether it is what was not drawn.
    """

    share: float
    seed: int
    is_rest: bool = False

    def of(self, places: Sequence[int]) -> Sequence[int]:
        """Return those of the places that were drawn."""
        draw = random.Random(self.seed).random
        return [place for place in places if (draw() < self.share) is not self.is_rest]


Part = Stretch | Sample


def places_of(parts: Iterable[Part], count: int) -> Sequence[int]:
    """Return which of ``count`` things are left by parts of parts."""
    places: Sequence[int] = range(count)
    for part in parts:
        places = part.of(places)
    return places


def count_needed(parts: Iterable[Part]) -> int | None:
    """Return how many of the first things are enough to tell which are left; None if it takes all."""
    start, end = 0, None
    for part in parts:
        if isinstance(part, Sample):
            break
        if part.end is not None:
            end = start + part.end if end is None else min(end, start + part.end)
        start += part.start
    return end


@names_arguments
class HasParts(ABC):
    """What a dataset has about its parts."""

    _parts: tuple[Part, ...]

    @abstractmethod
    def _changed(self: Self, **parts: Any) -> Self:
        """Return a copy with other parts."""

    def take(self: Self, count: int) -> Self:
        """Return the first rows of a tabular dataset, or the first files of a file dataset.

        Args:
            count: How many. Of a period, if one was chosen before.

        Raises:
            InvalidParameter: ``count`` is no number of them.

        Example:
            >>> dataset.take(2).to_pandas_dataframe().name.tolist()
            ['Anna', 'Ben']
        """
        return self._part(Stretch(end=_counted(count, 1)))

    def skip(self: Self, count: int) -> Self:
        """Return all rows or files but the first ones.

        Args:
            count: How many are left out.

        Raises:
            InvalidParameter: ``count`` is no number of them.

        Example:
            >>> dataset.skip(1).to_pandas_dataframe().name.tolist()
            ['Ben', 'Clara']
        """
        return self._part(Stretch(start=_counted(count, 0)))

    def take_sample(self: Self, probability: float, seed: int | None = None) -> Self:
        """Return rows or files that chance draws: the same ones each time that they are read.

        Args:
            probability: With which each is among them, from 0 to 1.
            seed: What chance begins with: with the same one, the same are drawn of the same data. None draws
                one. Azure's draws others by it.

        Raises:
            InvalidParameter: ``probability`` is none.

        Example:
            >>> dataset.take_sample(0.5, seed=2).to_pandas_dataframe().name.tolist()
            ['Clara']
        """
        return self._part(Sample(_share(probability, "probability"), _seed(seed)))

    def random_split(self: Self, percentage: float, seed: int | None = None) -> tuple[Self, Self]:
        """Return two parts, of which each row or file is in one by chance.

        Args:
            percentage: The share of the first part, roughly, from 0 to 1.
            seed: As for :meth:`take_sample`.

        Raises:
            InvalidParameter: ``percentage`` is no share.

        Example:
            >>> train, test = dataset.random_split(0.5, seed=2)
            >>> [len(part.to_pandas_dataframe()) for part in (train, test)]
            [1, 2]
        """
        share, drawn = _share(percentage, "percentage"), _seed(seed)
        return self._part(Sample(share, drawn)), self._part(Sample(share, drawn, is_rest=True))

    def _part(self: Self, part: Part) -> Self:
        return self._changed(_parts=(*self._parts, part))


def _counted(count: object, least: int) -> int:
    if whole_number(count, "count") < least:
        raise InvalidParameter(f"count must be a whole number from {least} on, not {shown(count)}.")
    return whole_number(count, "count")


def _share(given: object, parameter: str) -> float:
    share = number(given, parameter)
    if not 0 <= share <= 1:
        raise InvalidParameter(f"{parameter} must be a number from 0 to 1, as 0.8, not {shown(given)}.")
    return share


def _seed(seed: object) -> int:
    return random.getrandbits(32) if seed is None else whole_number(seed, "seed")
