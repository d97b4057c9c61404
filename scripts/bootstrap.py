"""Sets a checkout up on a machine that has only Python, git and make.

    python3 scripts/bootstrap.py run      what `make run` needs: .venv with the server and the Studio's build
    python3 scripts/bootstrap.py dev      what `make check` needs: .venv with all tools
    python3 scripts/bootstrap.py test     what `make test` needs: also MLflow clients, Chromium, test servers
    python3 scripts/bootstrap.py bench    what `make bench` needs: .venv with all tools, the peers' servers

Everything is taken from the hash-locked files in requirements/. A second call finds its stamps and is done at
once. Nothing outside of the checkout is touched, but for Debian packages as root, and that is said before.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
UV_HOME = ROOT / ".setup" / "uv"
VENV = ROOT / ".venv"
CLIENT_ENVIRONMENTS = ROOT / ".envs"
OLDEST_PYTHON = (3, 10)

# Client -> the Pythons that its dependencies were built for; None takes the one that runs this script.
# The last four are Microsoft's packages for Azure ML, with an MLflow client beside them.
CLIENTS = {
    "mlflow-3.17": None,
    "skinny-3.17": None,
    "frameworks-3.17": ">=3.10,<3.14",
    "mlflow-3.0": ">=3.10,<3.14",
    "mlflow-2.22": ">=3.10,<3.14",
    "mlflow-2.0": ">=3.10,<3.12",
    "mlflow-1.30": ">=3.10,<3.12",
    "azureml-mlflow": ">=3.10,<3.14",
    "azureml-mlflow-1.60": ">=3.10,<3.14",
    "azureml-core": ">=3.10,<3.12",
    "azure-ai-ml": ">=3.10,<3.14",
}
# Servers that are measured beside Runyard. MLflow as shipped is the client's environment above.
PEERS = ("peer-mlflow", "peer-fasttrackml")
FUZZER = "fuzz"
"""Schemathesis, which the tests let loose on a server: it pins what tests use, so it has an environment."""
MLFLOW_UI = "mlflow-ui"
"""The server with MLflow's package beside it, whose pages the browser tests open; Runyard comes from src/."""
RAY = "ray"
"""A server with Ray beside it, of which the tests start clusters; Runyard comes from src/."""
SPARK = "spark"
"""Spark itself, of which the tests start a cluster, and what its driver and executors import."""
SHIPPED_MLFLOW = "mlflow-3.17"
IN_IMAGES = ("python3", "python3-venv", "ca-certificates")
NOT_IN_IMAGES = (
    "proc",
    "sys",
    "dev",
    "var/cache/apt",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/locale",
)
SERVICES_OF_CONTAINERS = (
    *("podman.service", "podman.socket", "podman-restart.service", "podman-auto-update.timer"),
    *("docker.service", "docker.socket", "containerd.service", "docker-registry.service"),
)
UNITS = Path("/etc/systemd/system")
GOALS = ("run", "dev", "test", "bench")


@dataclass(frozen=True)
class DebianPackage:
    """What the tests start something of, if it is there.

    Args:
        name: Of the package.
        programs: What is there where it is installed; of programs between bars one.
        because: What it is for, as it is said before it is installed.
        lacking: What is said where it can't be.
        units: What systemd would start of it, and may not.
    """

    name: str
    programs: tuple[str, ...]
    because: str
    lacking: str
    units: tuple[str, ...] = ()


PACKAGES = (
    DebianPackage("chromium", ("chromium|chromium-browser|google-chrome",),
        "the browser tests drive it", "No Chromium on the PATH, so no browser tests"),
    DebianPackage("postgresql", ("initdb",),
        "the tests start servers of their own", "No PostgreSQL found, so no tests on it"),
    DebianPackage("mariadb-server", ("mariadbd",),
        "the tests start servers of their own; its service is masked",
        "No MariaDB found, so no tests on it", ("mariadb.service",)),
    DebianPackage("nginx", ("nginx",),
        "the tests put a server behind it", "No nginx found, so no tests behind it"),
    DebianPackage("haproxy", ("haproxy",),
        "the tests put a server behind it", "No haproxy found, so no tests behind it"),
    DebianPackage("iproute2", ("ip",),
        "the tests run Ray in network namespaces", "No `ip` on the PATH, so no tests with Ray"),
    DebianPackage("slurm-wlm", ("slurmctld", "slurmd", "sbatch", "munged"),
        "the tests start clusters of their own; its services are masked",
        "No Slurm found, so no tests on it", ("munge.service", "slurmctld.service", "slurmd.service")),
    # The package would have one listen at the machine's next start.
    DebianPackage("openssh-server", ("sshd",),
        "the tests start servers of their own; its service is masked",
        "No sshd found, so no tests with hosts", ("ssh.service", "ssh.socket")),
    DebianPackage("openjdk-17-jre-headless", ("java",),
        "the tests start a cluster of Spark", "No Java found, so no tests on Spark"),
    DebianPackage("bubblewrap", ("bwrap",),
        "the tests run pods in it", "No bwrap found, so no tests with pods"),
    DebianPackage("dbus-daemon", ("dbus-daemon",),
        "the tests keep a key in a keyring of their own", "No dbus-daemon found, so no tests with keyrings"),
    DebianPackage("gnome-keyring", ("gnome-keyring-daemon",),
        "the tests keep a key in a keyring of their own",
        "No gnome-keyring-daemon found, so no tests with keyrings"),
)  # fmt: skip


class SetUpFailed(Exception):
    """Something that the person must do first; the message says what."""


def main(goal: str) -> None:
    """Bring the checkout to the state that the goal needs."""
    if sys.version_info < OLDEST_PYTHON:
        raise SetUpFailed(
            f"Runyard needs Python 3.10 or newer, this is {sys.version.split()[0]} ({sys.executable})"
        )
    if goal not in GOALS:
        raise SetUpFailed(f"unknown goal {goal!r}: {', '.join(GOALS)}")
    uv = install_uv()
    if goal == "run":
        make_venv(uv, accepts=("examples", "dev"))
        build_studio()
    elif goal == "dev":
        make_venv(uv, accepts=("dev",))
    elif goal == "bench":
        make_venv(uv, accepts=("dev",))
        make_client_environment(uv, SHIPPED_MLFLOW)
        for name in PEERS:
            make_environment(uv, name, lock=name)
    else:
        make_venv(uv, accepts=("dev",))
        with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
            clients = [pool.submit(make_client_environment, uv, name) for name in CLIENTS]
            clients.append(pool.submit(make_object_stores, uv))
            clients += [
                pool.submit(make_environment, uv, name, name) for name in (FUZZER, MLFLOW_UI, RAY, SPARK)
            ]
            build_studio()
            for package in PACKAGES:
                install_package(package)
            install_containers()
        for client in clients:
            client.result()


def install_uv() -> Path:
    """Install uv, which installs everything else, into a folder of its own; return its path."""
    lock = REQUIREMENTS / "uv.txt"
    uv = UV_HOME / "bin" / "uv"
    stamp = Stamp(UV_HOME, lock)
    if stamp.is_fresh and uv.exists():
        return uv
    say("Installing uv")
    shutil.rmtree(UV_HOME, ignore_errors=True)
    # An old pip's own notices, and a machine's extra wheel folders, have no place in a hash-locked install.
    quiet = [
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "--require-hashes",
        "--requirement",
        str(lock),
    ]
    if can_make_venv():
        run(sys.executable, "-m", "venv", str(UV_HOME))
        run(str(UV_HOME / "bin" / "python"), "-m", "pip", "install", *quiet)
    else:
        run(sys.executable, "-m", "pip", "install", "--target", str(UV_HOME), *quiet)
    stamp.write()
    return uv


def can_make_venv() -> bool:
    """Tell whether `python -m venv` works here, if need be after adding Debian's package for it."""
    if importlib.util.find_spec("ensurepip"):
        return True
    if importlib.util.find_spec("pip"):
        return False
    minor = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if not is_debian_root() or not sys.executable.startswith("/usr/bin/"):
        raise SetUpFailed(
            f"this Python ({sys.executable}) has no pip and no ensurepip: nothing can be installed.\n"
            f"On Debian or Ubuntu: sudo apt-get install {minor}\n"
            "Or name another Python: make run PYTHON=/path/to/python3"
        )
    apt_install(minor, because="this Python has neither pip nor ensurepip")
    return True


def make_venv(uv: Path, accepts: tuple[str, ...]) -> None:
    """Make .venv from the first of the accepted locks, unless it already stands on one of them."""
    built_by = (ROOT / "pyproject.toml", ROOT / "hatch_build.py", ROOT / "src" / "runyard" / "_version.py")
    for name in accepts:
        if Stamp(VENV, REQUIREMENTS / f"{name}.txt", *built_by).is_fresh:
            return
    lock = REQUIREMENTS / f"{accepts[0]}.txt"
    say(f"Installing {lock.relative_to(ROOT)} into .venv")
    stamp = Stamp(VENV, lock, *built_by)
    fill_environment(uv, VENV, sys.executable, lock)
    # The build requirements are in the lock, so the build needs no isolated, unlocked environment.
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--python", str(VENV))
    run(str(uv), "pip", "install", *options, "--editable", str(ROOT))
    stamp.write()


def make_client_environment(uv: Path, name: str) -> None:
    """Make .envs/NAME with one genuine MLflow client and nothing of Runyard."""
    make_environment(uv, name, lock=f"client-{name}", versions=CLIENTS[name])


def make_environment(uv: Path, name: str, lock: str, versions: str | None = None) -> None:
    """Make .envs/NAME with exactly what a lock names, on a Python of these versions."""
    path = REQUIREMENTS / f"{lock}.txt"
    folder = CLIENT_ENVIRONMENTS / name
    stamp = Stamp(folder, path)
    if stamp.is_fresh:
        return
    python = find_python(uv, versions)
    if python is None:
        say(f"Leaving out {name}: it needs a Python {versions}, and none was found")
        return
    say(f"Installing {path.relative_to(ROOT)} into {folder.relative_to(ROOT)}")
    fill_environment(uv, folder, python, path)
    stamp.write()


def make_object_stores(uv: Path) -> None:
    """Install the servers of others that tests start: SeaweedFS, Azurite, a provider of identities."""
    lock = REQUIREMENTS / "object-stores.txt"
    folder = CLIENT_ENVIRONMENTS / "object-stores"
    stamp = Stamp(folder, lock)
    if not stamp.is_fresh:
        say(f"Installing {lock.relative_to(ROOT)} into {folder.relative_to(ROOT)}")
        fill_environment(uv, folder, sys.executable, lock)
        stamp.write()
    for servers in ("tests/object_stores", "tests/oidc"):
        run(str(VENV / "bin" / "python"), str(ROOT / "hatch_build.py"), "packages", servers)


def find_python(uv: Path, versions: str | None) -> str | None:
    """Return an interpreter of these versions, first of all the one that runs this script."""
    if versions is None:
        return sys.executable
    for wanted in (sys.executable, versions):
        command = [str(uv), "python", "find", "--no-project", "--system", wanted]
        found = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
        if found.returncode == 0 and is_within(found.stdout.strip(), versions):
            return found.stdout.strip()
    return None


def is_within(python: str, versions: str) -> bool:
    """Tell whether the interpreter runs and its version lies in a range such as `>=3.10,<3.12`."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    answer = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        return False
    version = as_numbers(answer.stdout)
    lowest, bound = versions.split(",")
    return as_numbers(lowest.removeprefix(">=")) <= version < as_numbers(bound.removeprefix("<"))


def as_numbers(version: str) -> tuple[int, ...]:
    """Return 3.11 as (3, 11), so that 3.9 sorts before it."""
    return tuple(int(part) for part in version.strip().split("."))


def fill_environment(uv: Path, folder: Path, python: str, lock: Path) -> None:
    """Make a virtual environment that holds exactly what the lock names."""
    run(str(uv), "venv", "--quiet", "--clear", "--no-project", "--python", python, str(folder))
    run(str(uv), "pip", "sync", "--quiet", "--require-hashes", "--python", str(folder), str(lock))


def build_studio() -> None:
    """Build the Studio into the package, when its sources changed."""
    if os.environ.get("RUNYARD_SKIP_STUDIO") != "1":
        run(str(VENV / "bin" / "python"), str(ROOT / "hatch_build.py"))


def install_package(wanted: DebianPackage) -> None:
    """Install what the tests start something of, where that can be done without asking the person to."""
    if all(any(map(has_program, program.split("|"))) for program in wanted.programs):
        return
    if is_debian_root():
        for name in wanted.units:
            mask(UNITS / name)
        apt_install(wanted.name, wanted.because)
    else:
        say(f"{wanted.lacking}. On Debian: sudo apt-get install {wanted.name}")


def mask(unit: Path) -> None:
    """Have systemd never start a unit, as `systemctl mask` does where there is one."""
    unit.parent.mkdir(parents=True, exist_ok=True)
    if not unit.exists() and not unit.is_symlink():
        unit.symlink_to("/dev/null")


def has_program(name: str) -> bool:
    """Tell whether a program is there, where root's and PostgreSQL's are too."""
    folders = [os.environ.get("PATH", ""), "/usr/sbin", *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
    return shutil.which(name, path=":".join(folders)) is not None


def install_containers() -> None:
    """Install what runs containers, and make the image that the tests begin with: no registry is asked."""
    packages = ("podman", "runc", "catatonit", "docker.io", "docker-registry", "debootstrap")
    folders = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/libexec/podman"
    names = {"docker.io": "dockerd"}
    missing = [each for each in packages if shutil.which(names.get(each, each), path=folders) is None]
    if not is_debian_root():
        if missing:
            say(f"No {', '.join(missing)}, so no tests with containers. On Debian: sudo apt-get install them")
        return
    for name in SERVICES_OF_CONTAINERS:
        mask(UNITS / name)
    for package in missing:
        apt_install(package, because="the tests run jobs in containers; its services are masked")
    make_base_image(CLIENT_ENVIRONMENTS / "container-base")


def make_base_image(folder: Path) -> None:
    """Make base.tar, the smallest Debian with a Python, from the mirror of the machine's own packages."""
    suite = platform.freedesktop_os_release()["VERSION_CODENAME"]
    made_from = image_made_from(suite)
    stamp = folder / ".made-from"
    is_fresh = stamp.is_file() and stamp.read_text(encoding="utf-8") == made_from
    if is_fresh and (folder / "base.tar").exists():
        return
    say(f"Making an image for the tests in {folder.name}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run("apt-get", "update", hushed=True)
    listed = ["apt-get", "indextargets", "--format", "$(SITE) $(CODENAME)", "Identifier: Packages"]
    found = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split("\n")
    mirror = next(site for site, _, codename in (line.partition(" ") for line in found) if codename == suite)
    root = folder / "root"
    packages = f"--include={','.join(IN_IMAGES)}"
    run("debootstrap", "--variant=minbase", packages, suite, str(root), mirror, hushed=True)
    left_out = [f"--exclude=./{each}/*" for each in NOT_IN_IMAGES]
    run("tar", "-C", str(root), "--one-file-system", *left_out, "-cf", str(folder / "base.tar"), ".")
    shutil.rmtree(root)
    stamp.write_text(made_from, encoding="utf-8")


def image_made_from(suite: str) -> str:
    """Return what the image's stamp says; it names no folder, as other checkouts' images are as good."""
    return "\n".join((suite, platform.machine(), *IN_IMAGES, *NOT_IN_IMAGES))


def is_debian_root() -> bool:
    """Tell whether Debian packages can be installed without a password."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(package: str, because: str) -> None:
    """Install one Debian package as root, after saying so; no service of it is started."""
    say(f"Running as root `apt-get install {package}`: {because}")
    apt_environment = {"DEBIAN_FRONTEND": "noninteractive"}
    # Machines install things by themselves, too.
    options = ("-qq", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300")
    run("apt-get", "update", "-qq", extra=apt_environment)
    with services_stay_off():
        run("apt-get", "install", *options, package, extra=apt_environment, hushed=True)


@contextlib.contextmanager
def services_stay_off(policy: Path = Path("/usr/sbin/policy-rc.d")) -> Iterator[None]:
    """Have Debian's packages start no services meanwhile, by the file that they ask about that."""
    if policy.exists():  # whoever made it has decided already
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()


class Stamp:
    """A file in an environment that says which inputs it was made from."""

    def __init__(self, folder: Path, *inputs: Path) -> None:
        self._path = folder / ".made-from"
        digest = hashlib.sha256(f"{sys.version}\0{folder}\0".encode())
        for path in inputs:
            digest.update(path.read_bytes())
        self._content = digest.hexdigest()

    @property
    def is_fresh(self) -> bool:
        """Whether the environment was made from these very inputs."""
        return self._path.is_file() and self._path.read_text() == self._content

    def write(self) -> None:
        """Say that the environment is complete."""
        self._path.write_text(self._content)


def environment() -> dict[str, str]:
    """Return the variables for uv: it uses the Pythons of the machine, and pip's index where one is set."""
    variables = os.environ | {"UV_PYTHON_DOWNLOADS": "never"}
    variables.pop("VIRTUAL_ENV", None)
    if "PIP_INDEX_URL" in variables:
        variables.setdefault("UV_DEFAULT_INDEX", variables["PIP_INDEX_URL"])
    return variables


def run(*command: str, extra: dict[str, str] | None = None, hushed: bool = False) -> None:
    """Run a command; when it fails, say which and end."""
    output = subprocess.DEVNULL if hushed else None
    variables = environment() | (extra or {})
    code = subprocess.run(command, cwd=ROOT, env=variables, stdout=output, check=False).returncode
    if code != 0:
        raise SetUpFailed(f"this command failed with code {code}: {' '.join(command)}")


def say(line: str) -> None:
    """Tell the person what happens now."""
    print(f"[set-up] {line}", flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else "")
    except SetUpFailed as problem:
        sys.exit(f"[set-up] {problem}")
