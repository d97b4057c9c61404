"""The documents as sequences of code blocks, each with what a comment above it says about running it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>not run|background|file)(?:: (?P<detail>[^\n]*?))? -->\n)?"
    r"```(?P<language>\w*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Args:
        document: The file it stands in.
        line: The line that it begins at.
        language: What follows the fence: sh, python, json, ...
        code: What stands in it.
        mark: "not run", "background" (start it and go on), "file" (save it), or empty: run it.
        detail: Why it is not run, or the name of the file.
    """

    document: Path
    line: int
    language: str
    code: str
    mark: str
    detail: str

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


def blocks_of(document: Path) -> list[Block]:
    """Return the blocks of a document in their order."""
    text = document.read_text()
    return [
        Block(
            document=document,
            line=text.count("\n", 0, found.start()) + 1,
            language=found["language"],
            code=found["code"],
            mark=found["mark"] or "",
            detail=found["detail"] or "",
        )
        for found in _BLOCK.finditer(text)
    ]


def all_blocks() -> list[Block]:
    """Return the blocks of all documents."""
    return [block for document in DOCUMENTS for block in blocks_of(document)]
