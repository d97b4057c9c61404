"""What a name looks like to people, so that nobody is taken for somebody else.

Source: Unicode Technical Standard 39, section 4 (skeletons), for the letters that are met in names of people.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_LATIN: Final = {
    # Cyrillic: in small or in large letters they look like these.
    **dict(
        zip("\u0430\u0432\u0435\u04bb\u0456\u0458\u043a\u04cf\u043c\u043d\u043e", "abehijklmho", strict=True)
    ),
    **dict(zip("\u0440\u051b\u0441\u0455\u0442\u0443\u0475\u051d\u0445\u0501", "pqcstyvwxd", strict=True)),
    # Greek.
    **dict(zip("\u03b1\u03b2\u03b5\u03b6\u03b7\u03b9\u03ba\u03bd", "abezhikv", strict=True)),
    **dict(zip("\u03bf\u03c1\u03c4\u03c5\u03c7\u03b3\u03c9", "optuxyw", strict=True)),
    # Latin letters of phonetics and of Turkish.
    **dict(zip("\u0251\u0261\u0131\u0269", "agii", strict=True)),
}
_LETTERS: Final = str.maketrans(_LATIN)
# Marks and letters that take no room, though Unicode counts them as printable.
_UNSEEN: Final = dict.fromkeys(
    (
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
        *(*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)),
    )
)


def looks_of(name: str) -> str:
    r"""Return what a name looks like: the same for two that people would take for one.

    Case, width and other forms of letters don't count, nor what nobody sees, nor in which of the scripts that
    share it a letter is written.

    Example:
        >>> looks_of("Ann") == looks_of("\u0430nn") == looks_of("\uff41nn") == looks_of("a\u034fnn")
        True
    """
    seen = unicodedata.normalize("NFKC", name.translate(_UNSEEN)).casefold()
    # Taken apart, so that a letter with an accent is looked at without it.
    apart = unicodedata.normalize("NFKD", seen).translate(_UNSEEN).translate(_LETTERS)
    return " ".join(apart.replace("i\u0307", "i").split())


def lower_ascii(text: str) -> str:
    r"""Return a text with its ASCII letters in lower case, and no other letter made into one of them.

    ``str.lower`` makes a "k" of the sign for kelvin: somebody's mailbox would be taken for another's.

    Example:
        >>> lower_ascii("Kim@Lab.Example"), lower_ascii("\u212aim") == "kim"
        ('kim@lab.example', False)
    """
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)
