"""The agent as one file, for machines that have Python and no Runyard."""

from __future__ import annotations

import pkgutil
import zipfile
from pathlib import Path

import runyard.agent

_PACKAGE = "runyard/agent"
# The package above is empty: one that is installed on the far machine must not be taken for it.
_BESIDE = {
    "__main__.py": "import sys\n\nfrom runyard.agent.__main__ import main\n\nsys.exit(main())\n",
    "runyard/__init__.py": "",
}
_MOMENT = (2026, 1, 1, 0, 0, 0)


def write_archive(path: Path) -> Path:
    """Write the agent, to run as ``python PATH FOLDER``, and return the path."""
    names = sorted(each.name for each in pkgutil.iter_modules(runyard.agent.__path__))
    sources = {f"{_PACKAGE}/{name}.py": _source(name) for name in ("__init__", *names)}
    unfinished = path.with_name(f".{path.name}.unfinished")
    with zipfile.ZipFile(unfinished, "w") as archive:
        for name, content in sorted({**_BESIDE, **sources}.items()):
            archive.writestr(zipfile.ZipInfo(name, _MOMENT), content)
    return unfinished.replace(path)


def _source(module: str) -> str:
    content = pkgutil.get_data("runyard.agent", f"{module}.py")
    assert content is not None, f"{module}.py has no source"
    return content.decode("utf-8")
