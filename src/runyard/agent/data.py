"""The data of a job: brought before its script, taken to a datastore after it, named in its words."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from runyard.agent.assignment import DataInput, DataOutput, DataPlace
from runyard.agent.orders import Orders
from runyard.agent.server import ARTIFACTS, GivenUp, Refused, Server, patiently
from runyard.agent.steps import CannotPrepare, Steps, Stopped

INPUTS, RESULTS = "inputs", "results"
AT_ONCE = 4
TOLD_EVERY_S = 10.0
INPUTS_VARIABLE, OUTPUTS_VARIABLE = "RUNYARD_INPUTS", "RUNYARD_OUTPUTS"

T = TypeVar("T")

_LARGEST_FILE_BYTES = 2**62
_NAMED = re.compile(r"\$\{\{(inputs|outputs)\.([A-Za-z_][A-Za-z0-9_]*)\}\}")


class JobData:
    """What goes into a job and what comes out of it, as folders of the agent.

    Args:
        folder: The agent's folder.
        inputs: What goes in.
        outputs: What comes out.
    """

    def __init__(self, folder: Path, inputs: Sequence[DataInput], outputs: Sequence[DataOutput]) -> None:
        self._folder = folder
        self._inputs = inputs
        self._outputs = outputs
        self._found: dict[str, str] = {}

    def prepare(self, server: Server, orders: Orders, steps: Steps) -> None:
        """Bring all inputs, and make the folders of outputs.

        Raises:
            CannotPrepare: An input can't be got.
            Stopped: The agent was told to stop.
        """
        for path in self._results().values():
            Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)
        for each in self._inputs:
            if each.places:
                bringing = _Bringing(each.name, server, orders, steps)
                self._found[each.name] = str(bringing.bring(each.places, self._folder / INPUTS / each.name))
            else:
                self._found[each.name] = each.asset_id

    def words(self, words: Sequence[str]) -> list[str]:
        """Return words with the paths of inputs and outputs in place of their names."""
        known = {("inputs", name): path for name, path in self._found.items()}
        known |= {("outputs", name): path for name, path in self._results().items()}

        def path_of(named: re.Match[str]) -> str:
            return known.get((named[1], named[2]), named[0])

        return [_NAMED.sub(path_of, word) for word in words]

    def variables(self) -> dict[str, str]:
        """Return the variables by which a script finds them too."""
        if not self._inputs and not self._outputs:
            return {}
        places = {**self._found, **self._results()}
        assets = {each.name: each.asset_id for each in self._inputs if not each.places}
        paths = {name: path for name, path in self._found.items() if name not in assets}
        return {
            INPUTS_VARIABLE: json.dumps({"paths": paths, "assets": assets}),
            OUTPUTS_VARIABLE: json.dumps(self._results()),
            **{f"AZUREML_DATAREFERENCE_{name}": place for name, place in places.items()},
        }

    def _results(self) -> dict[str, str]:
        return {each.name: str(self._folder / RESULTS / each.name) for each in self._outputs}


class _Bringing:
    """Downloads one input, some files at a time.

    Args:
        name: What it is called.
        server: Has it.
        orders: Tell when to stop.
        steps: Told how far it is.
    """

    def __init__(self, name: str, server: Server, orders: Orders, steps: Steps) -> None:
        self._name = name
        self._server = server
        self._orders = orders
        self._steps = steps
        self._count = self._size_bytes = 0
        self._told_s = time.monotonic()
        self._counting = threading.Lock()

    def bring(self, places: Sequence[DataPlace], folder: Path) -> Path:
        """Return where it is then: a folder, or the file if it is one."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = [file for place in places for file in self._files(place)]
        if not files:
            raise CannotPrepare(f"The input '{self._name}' has no files.")
        targets = [folder.joinpath(*_segments(below)) for _, below in files]
        if len(set(targets)) < len(targets):
            raise CannotPrepare(f"The input '{self._name}' has two files of one name.")
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="inputs") as pool:
            addresses = [address for address, _ in files]
            for _ in pool.map(self._bring, addresses, targets):
                pass
        self._say("is there")
        is_file = len(files) == 1 and files[0][1] == places[0].path.rpartition("/")[2]
        return targets[0] if is_file else folder

    def _files(self, place: DataPlace) -> Iterator[tuple[str, str]]:
        """Yield the address of each file of a place, and its path below it."""
        waiting = [place.path]
        while waiting:
            folder = waiting.pop()
            for path, is_folder in self._listed(place.datastore, folder):
                if is_folder:
                    waiting.append(path)
                elif path == place.path:
                    yield _address(place.datastore, path), path.rpartition("/")[2]
                else:
                    below = path.removeprefix(f"{place.path}/") if place.path else path
                    yield _address(place.datastore, path), below

    def _listed(self, datastore: str, folder: str) -> Iterator[tuple[str, bool]]:
        token = ""
        while True:
            if datastore:
                base = f"/api/v1/datastores/{quote(datastore, safe='')}/files"
                query = {"path": folder, "page_token": token} if token else {"path": folder}
                answer = self._asked(f"{base}?{urlencode(query)}")
                prefix = ""
            else:
                answer = self._asked(f"{ARTIFACTS}?{urlencode({'path': folder})}")
                prefix = f"{folder}/" if folder else ""
            for each in answer.get("files") or ():
                yield prefix + str(each["path"]), bool(each.get("is_dir"))
            token = str(answer.get("next_page_token") or "")
            if not token:
                return

    def _asked(self, path: str) -> dict[str, Any]:
        return self._patient(lambda: self._server.get(path))

    def _bring(self, address: str, target: Path) -> None:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._patient(lambda: self._server.download(address, target, _LARGEST_FILE_BYTES))
        with self._counting:
            self._count += 1
            self._size_bytes += target.stat().st_size
            if time.monotonic() - self._told_s > TOLD_EVERY_S:
                self._told_s = time.monotonic()
                self._say("so far")

    def _patient(self, call: Callable[[], T]) -> T:
        try:
            return patiently(call, lambda: self._orders.is_to_stop, self._orders.count_answers)
        except GivenUp:
            raise Stopped from None
        except (Refused, ValueError) as error:
            raise CannotPrepare(f"The input '{self._name}' can't be got: {error}") from None

    def _say(self, what: str) -> None:
        files = "1 file" if self._count == 1 else f"{self._count} files"
        self._steps.say(f"The input '{self._name}' {what}: {files}, {self._size_bytes / 1e6:.1f} MB.")


def result_address(output: DataOutput, below: str) -> str:
    """Return where a file of an output goes, by its path below the output's folder."""
    path = f"{output.path}/{below}" if output.path else below
    flag = "?overwrite=true" if output.overwrite else ""
    return _address(output.datastore, path) + flag


def _address(datastore: str, path: str) -> str:
    if not datastore:
        return f"{ARTIFACTS}/{quote(path)}"
    return f"/api/v1/datastores/{quote(datastore, safe='')}/files/{quote(path)}"


def _segments(below: str) -> list[str]:
    segments = below.split("/")
    if any(each in ("", ".", "..") or "\0" in each or os.sep in each for each in segments):
        raise CannotPrepare(f"{below[:200]!r} is no plain path below a folder.")
    return segments
