"""Writes requirements/*.txt: versions pinned, files hashed, no package host and no machine named."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path("requirements")
HEADER = "# Made by `make lock`; change the inputs, not this file.\n"
OLDEST_PYTHON = "3.10"

# Lock -> what it is made of. Later ones are held to the versions of the first, so that all of them agree.
OF_THE_PROJECT = {
    "dev": ("pyproject.toml", "--extra", "dev", "--group", "build"),
    "server": ("pyproject.toml", "--extra", "server"),
    "examples": ("pyproject.toml", "--extra", "server", "--extra", "examples", "--group", "build"),
    "mlflow-ui": ("pyproject.toml", "--extra", "server", "--extra", "mlflow-ui"),
    "ray": ("pyproject.toml", "--extra", "server", "--extra", "ray", "requirements/ray.in"),
}
OF_SET_UP = ("uv",)
OF_TESTS = ("fuzz", "object-stores", "spark")
OF_CLIENTS = (
    "client-mlflow-3.17",
    "client-frameworks-3.17",
    "client-skinny-3.17",
    "client-mlflow-3.0",
    "client-mlflow-2.22",
    "client-mlflow-2.0",
    "client-mlflow-1.30",
    "client-azureml-mlflow",
    "client-azureml-mlflow-1.60",
    "client-azureml-core",
    "client-azure-ai-ml",
)
OF_PEERS = ("peer-mlflow", "peer-fasttrackml")


def main() -> None:
    """Write all locks, or those that are named; `--upgrade` takes the newest versions."""
    upgrade = "--upgrade" in sys.argv
    chosen = [argument for argument in sys.argv[1:] if argument != "--upgrade"]
    for name in chosen or [*OF_THE_PROJECT, *OF_SET_UP, *OF_TESTS, *OF_CLIENTS, *OF_PEERS]:
        inputs = OF_THE_PROJECT.get(name, (str(FOLDER / f"{name}.in"),))
        # MLflow has bounds of its own, so what stands beside it can't be held to these.
        constraints = ("-c", str(FOLDER / "dev.txt")) if name in {"server", "examples", "uv"} else ()
        _compile(name, (*inputs, *constraints), upgrade=upgrade)


def _compile(name: str, inputs: tuple[str, ...], *, upgrade: bool) -> None:
    lock = FOLDER / f"{name}.txt"
    print(f"{lock}", flush=True)
    command = ["uv", "pip", "compile", "--quiet", "--no-config", "--universal", "--generate-hashes"]
    command += ["--python-version", OLDEST_PYTHON, "--no-header", "--no-annotate"]
    command += ["--no-emit-package", "runyard", "--output-file", str(lock), *inputs]
    if upgrade:
        command.append("--upgrade")
    # A machine's own wheels and indexes must not get into a lock: only the public registry's files may.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PIP_"))}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    path = ROOT / lock
    path.write_text(HEADER + path.read_text().removeprefix(HEADER))


if __name__ == "__main__":
    main()
