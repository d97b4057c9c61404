"""What is said of an environment that could not be made: by uv as it is here, by an older one, and by pip."""

from __future__ import annotations

import io
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from runyard.agent.failures import REMEMBERED_BYTES, LastPrinted, said_of_failure
from runyard.agent.interpreters import uv_words
from runyard.agent.steps import CannotPrepare
from runyard.agent.variables import inherited
from tests.agent.test_building import Machine
from tests.agent.wheels import only_these, write_wheel

BUILDS = """
def build_wheel(*given, **named):
    print("compiling", flush=True)
    raise RuntimeError("nvcc was not found; CUDA is needed")
"""
OTHER_SHA256 = "1" * 64


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for version in ("1.0", "2.0"):
        write_wheel(folder, "thing", version)
    write_wheel(folder, "needs", "1.0", requires=["thing<2"])
    write_wheel(folder, "newer", "1.0", python=">=3.99")
    _write_source(folder / "broken-1.0.tar.gz")
    return folder


def _write_source(path: Path) -> None:
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n',
        "own.py": BUILDS,
        "PKG-INFO": "Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n",
    }
    with tarfile.open(path, "w:gz") as code:
        for name, text in files.items():
            member = tarfile.TarInfo(f"broken-1.0/{name}")
            member.size = len(text)
            code.addfile(member, io.BytesIO(text.encode()))


def reason_of(folder: Path, words: Sequence[str], more: dict[str, str]) -> str:
    """Let uv fail for real, as a step of a preparation; return the reason of the job."""
    (folder / "out").mkdir()
    with pytest.raises(CannotPrepare) as failed:
        Machine(folder / "out").steps.run("It failed", [*uv_words(), *words], inherited() | more)
    return str(failed.value)


def installing(folder: Path, wheels: Path, *lines: str, **more: str) -> str:
    requirements = folder / "requirements.txt"
    requirements.write_text("".join(f"{line}\n" for line in lines))
    into = ["--python", sys.executable, "--target", str(folder / "into"), "--no-cache"]
    variables = only_these(wheels) | more
    return reason_of(folder, ["pip", "install", *into, "-r", str(requirements)], variables)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["no-such-thing==3"], ["no-such-thing", "you require no-such-thing==3", "unsatisfiable."]),
        (["thing==9"], ["there is no version of thing==9"]),
        (["needs", "thing>=2"], ["needs depend", "thing<2", "you require", "thing>=2", "unsatisfiable."]),
        (["thing==1.0", "thing==2.0"], ["you require thing==1.0 and thing==2.0"]),
        (["newer"], ["newer==1.0", "Python >=3.99"]),
        ([f"thing==1.0 --hash=sha256:{OTHER_SHA256}"], ["Hash mismatch for `thing==1.0`", OTHER_SHA256]),
        (["thing==1.0", "and more"], ["Couldn't parse requirement", "found `m`"]),
        (["broken"], ["Failed to build `broken==1.0`", ": RuntimeError: nvcc was not found; CUDA is needed"]),
    ],
)
def test_uv_says_what_can_not_be_installed(tmp_path: Path, wheels: Path, lines: list[str], said: list[str]):
    reason = installing(tmp_path, wheels, *lines)
    assert [each for each in said if each not in reason] == [], reason
    assert reason.startswith("It failed: exit code ")
    assert "\n" not in reason
    assert "hint" not in reason


def test_uv_says_that_there_is_no_network(tmp_path: Path, wheels: Path):
    nobody = "http://127.0.0.1:9/simple"
    alone = {"UV_OFFLINE": "0", "UV_DEFAULT_INDEX": nobody, "UV_HTTP_RETRIES": "0", "NO_PROXY": "*"}
    reason = installing(tmp_path, wheels, "thing-elsewhere", **alone)
    assert f"{nobody}/thing-elsewhere/" in reason
    assert "Connection refused" in reason


def test_uv_says_which_python_is_not_there(tmp_path: Path):
    words = ["venv", "--no-project", "--python", "3.99", str(tmp_path / "made")]
    reason = reason_of(tmp_path, words, {"UV_PYTHON_DOWNLOADS": "never"})
    assert "No interpreter found for Python 3.99" in reason
    assert "hint" not in reason


# As uv 0.5 and pip 23 print it.
OLDER = {
    "conflict": (
        """
Using Python 3.11.7 environment at: v
  × No solution found when resolving dependencies:
  ╰─▶ Because only needs==1.0 is available and needs==1.0 depends on thing<2,
      we can conclude that all versions of needs depend on thing<2.
      And because you require needs and thing>=2, we can conclude that your
      requirements are unsatisfiable.
""",
        "No solution found when resolving dependencies: Because only needs==1.0 is available and needs==1.0 "
        "depends on thing<2, we can conclude that all versions of needs depend on thing<2. And because you "
        "require needs and thing>=2, we can conclude that your requirements are unsatisfiable.",
    ),
    "python": (
        """
  × No interpreter found for Python 3.99 in managed installations or search
  │ path
""",
        "No interpreter found for Python 3.99 in managed installations or search path",
    ),
    "hash": (
        """
Resolved 1 package in 2ms
  × Failed to download `thing==1.0`
  ╰─▶ Hash mismatch for `thing==1.0`

      Expected:
        sha256:00

      Computed:
        sha256:9b
""",
        "Failed to download `thing==1.0`: Hash mismatch for `thing==1.0` "
        "Expected: sha256:00 Computed: sha256:9b",
    ),
    "line": (
        """
error: Couldn't parse requirement in `bad.txt` at position 12
  Caused by: Expected one of `@`, `(`, found `t`
requests thing
         ^
""",
        "Couldn't parse requirement in `bad.txt` at position 12: Expected one of `@`, `(`, found `t`",
    ),
    "build": (
        """
   Building broken==1.0
  × Failed to build `broken==1.0`
  ├─▶ The build backend returned an error
  ╰─▶ Call to `own.build_wheel` failed (exit status: 1)

      [stdout]
      compiling

      [stderr]
      Traceback (most recent call last):
        File "own.py", line 3, in build_wheel
          raise RuntimeError('nvcc was not found; CUDA is needed')
      RuntimeError: nvcc was not found; CUDA is needed

      hint: This usually indicates a problem with the package or the build
      environment.
""",
        "Failed to build `broken==1.0`: The build backend returned an error: Call to `own.build_wheel` "
        "failed (exit status: 1): RuntimeError: nvcc was not found; CUDA is needed",
    ),
    "pip: none": (
        """
Looking in links: wh
ERROR: Could not find a version that satisfies the requirement thing==3 (from versions: 1.0, 2.0)
ERROR: No matching distribution found for thing==3
""",
        "Could not find a version that satisfies the requirement thing==3 (from versions: 1.0, 2.0)",
    ),
    "pip: conflict": (
        """
ERROR: Cannot install needs==1.0 and thing>=2 because these package versions have conflicting dependencies.

The conflict is caused by:
    The user requested thing>=2
    needs 1.0 depends on thing<2

To fix this you could try to:
1. loosen the range of package versions you've specified

ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/en/latest/topics/dependency-resolution/
""",
        "Cannot install needs==1.0 and thing>=2 because these package versions have conflicting "
        "dependencies: The user requested thing>=2, needs 1.0 depends on thing<2",
    ),
    "pip: hash": (
        """
ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.
    thing==1.0 from file:///wh/thing-1.0-py3-none-any.whl (from -r h.txt (line 1)):
        Expected sha256 00
             Got        9b

""",
        "THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. thing==1.0 from "
        "file:///wh/thing-1.0-py3-none-any.whl (from -r h.txt (line 1)): Expected sha256 00 Got        9b",
    ),
    "pip: network": (
        """
WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('<object at 0x7fe1>: \
Failed to establish a new connection: [Errno 111] Connection refused')': /simple/thing/
ERROR: Could not find a version that satisfies the requirement thing (from versions: none)
ERROR: No matching distribution found for thing
""",
        "Could not find a version that satisfies the requirement thing (from versions: none): Failed to "
        "establish a new connection: [Errno 111] Connection refused",
    ),
    "pip: build": (
        """
  Preparing metadata (pyproject.toml): finished with status 'error'
  error: subprocess-exited-with-error

  × Preparing metadata (pyproject.toml) did not run successfully.
  │ exit code: 1
  ╰─> [13 lines of output]
      Traceback (most recent call last):
        File "own.py", line 3, in build_wheel
          raise RuntimeError('nvcc was not found; CUDA is needed')
      RuntimeError: nvcc was not found; CUDA is needed
      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
error: metadata-generation-failed

× Encountered error while generating package metadata.
╰─> See above for output.

note: This is an issue with the package mentioned above, not pip.
""",
        "Preparing metadata (pyproject.toml) did not run successfully. exit code: 1: RuntimeError: nvcc "
        "was not found; CUDA is needed",
    ),
}


@pytest.mark.parametrize("what", OLDER)
def test_older_ones_and_pip_say_it_too(what: str):
    printed, said = OLDER[what]
    assert said_of_failure(printed) == said


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("pulling\nError: no such image\n\n", "Error: no such image"),
        ("raise E()\n^^^^^^^^^\n  ~~^^\n", "raise E()"),
        ("\x1b[31merror: \x1b[0mno \x1b[1mthing\x1b[0m\n", "no thing"),
        ("", ""),
        ("\n \n", ""),
    ],
)
def test_of_other_programs_it_is_the_last_line_with_words(printed: str, said: str):
    assert said_of_failure(printed) == said


def test_no_more_than_the_end_of_much_is_remembered():
    printed = LastPrinted()
    for number in range(3):
        printed.take(f"error: {number}\n".encode() + b"x" * REMEMBERED_BYTES)
    printed.take(b"\nerror: of the \xff end\n")
    assert printed.reason == "of the \ufffd end"
