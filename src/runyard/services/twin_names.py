"""Names that read alike and are none the same: one text has several forms in Unicode."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from runyard.errors import AlreadyExists


def check_no_twin(noun: str, name: str, is_taken: Callable[[str], bool]) -> None:
    """Refuse a name of which another form is there already: nobody could tell the two apart.

    The forms that are looked for are the two normal ones, which are what keyboards and file systems make.

    Args:
        noun: What is to be called so.
        name: The name.
        is_taken: Whether there is something of a name.

    Raises:
        AlreadyExists: There is something of the same name in another form, as a Mac spells its files.
    """
    if name.isascii():
        return
    for form in ("NFC", "NFD"):
        twin = unicodedata.normalize(form, name)
        if twin != name and is_taken(twin):
            raise AlreadyExists(f"{noun} '{twin}' already exists, in another form that looks the same.")
