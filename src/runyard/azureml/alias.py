"""Makes modules of Microsoft's names, out of the tables in :mod:`runyard.azureml.names`."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from runyard.azureml.absent import absent
from runyard.azureml.names import ABSENT, ABSENT_MODULES, HOMES, MODULES
from runyard.errors import InvalidState

CHOICE = "RUNYARD_AZUREML"
_IN_PLACE = "alias"
_BACKENDS, _BACKEND = "mlflow.projects.backend.loader", "runyard.azureml.projects"


class _AliasLoader(Loader):
    """Fills a module with what its names mean here."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _AliasModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: a name is looked up when it is asked for."""


class _AliasModule(ModuleType):
    """A module whose names are those of another SDK."""

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return [each for each in dir(self) if not each.startswith("_")]
        if name.startswith("__") and name not in HOMES.get(self.__name__, {}):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        found = self._found(name)
        setattr(self, name, found)
        return found

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *HOMES.get(self.__name__, {}), *ABSENT.get(self.__name__, {})})

    def _found(self, name: str) -> Any:
        home = HOMES.get(self.__name__, {}).get(name)
        if home is not None:
            module, _, attribute = home.partition(":")
            return getattr(importlib.import_module(module), attribute)
        full = f"{self.__name__}.{name}"
        advice = ABSENT.get(self.__name__, {}).get(name) or _advice_of(self.__name__)
        if advice is not None:
            return absent(full, advice)
        if full in MODULES:
            return importlib.import_module(full)
        raise AttributeError(
            f"module {self.__name__!r} has no {name!r} in Runyard. "
            f"It has: {', '.join(each for each in dir(self) if not each.startswith('_'))}."
        )


class _AliasFinder(MetaPathFinder):
    """Finds the modules of the alias, and no others."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in MODULES and _advice_of(fullname) is None:
            return None
        return ModuleSpec(fullname, _AliasLoader(), origin="runyard.azureml", is_package=True)


class _BackendLoader(Loader):
    """Loads what MLflow looks its backends up with, and names one more there.

    Args:
        loader: What loads it.
    """

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        _register_backend(module)


class _BackendFinder(MetaPathFinder):
    """Finds one module of MLflow's, where Python does."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _BACKENDS:
            return None
        found = PathFinder.find_spec(fullname, path, target)
        if found is not None and found.loader is not None:
            found.loader = _BackendLoader(found.loader)
        return found


def install() -> None:
    """Let imports of Microsoft's names find Runyard. A second call changes nothing.

    Raises:
        InvalidState: One of Microsoft's packages is installed, or imported already, and it was not said that
            Runyard's names go before it.
    """
    if any(isinstance(finder, _AliasFinder) for finder in sys.meta_path):
        return
    is_in_place = os.environ.get(CHOICE) == _IN_PLACE
    imported = sys.modules.get("azureml")
    if imported is not None:
        raise InvalidState(
            f"azureml is imported already, from {_place_of(imported.__spec__)}. "
            "Import runyard.azureml before it."
        )
    installed = PathFinder.find_spec("azureml")
    if installed is not None and not is_in_place:
        raise InvalidState(
            f"A package of Microsoft's is installed, at {_place_of(installed)}. Run the script without "
            f"Runyard's alias, uninstall that package, or set {CHOICE}={_IN_PLACE} to use Runyard's names in "
            "its place."
        )
    # Behind the others, what MLflow 1 has of its own in `mlflow.azureml` stays that.
    sys.meta_path.insert(0 if is_in_place else len(sys.meta_path), _AliasFinder())
    _offer_backend()


def _offer_backend() -> None:
    """Let MLflow's projects run with ``backend="azureml"``: at once, or as soon as they are imported.

    Not by an entry point, which would stand beside that of Microsoft's package where nobody asked for it.
    """
    loaded = sys.modules.get(_BACKENDS)
    if loaded is not None:
        _register_backend(loaded)
    else:
        sys.meta_path.insert(0, _BackendFinder())


def _register_backend(module: ModuleType) -> None:
    module.MLFLOW_BACKENDS["azureml"] = lambda: importlib.import_module(_BACKEND).AzuremlBackend()


def _advice_of(module: str) -> str | None:
    """Return what to use in place of a module that has no counterpart, or one below it."""
    return next(
        (advice for name, advice in ABSENT_MODULES.items() if f"{module}.".startswith(f"{name}.")), None
    )


def _place_of(spec: ModuleSpec | None) -> str:
    if spec is None:
        return "an unknown place"
    return spec.origin or ", ".join(spec.submodule_search_locations or ()) or "an unknown place"
