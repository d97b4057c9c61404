"""Taking over the registered models of a source, once its runs and logged models are here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from runyard.entities.registered_model import is_prompt
from runyard.errors import AlreadyExists, InvalidParameter
from runyard.protocol.messages.common import key_values
from runyard.protocol.messages.imports import CountImported, ImportedVersion
from runyard.sdk.transfer.records import Counts, SourceRegisteredModel, SourceVersion
from runyard.sdk.transfer.source import Unreadable, sound
from runyard.sdk.transfer.takeover import Takeover

VERSIONS_AT_ONCE = 100
COUNTED_AT_ONCE = 100

_LOGGED_MODEL = re.compile(r"models:/(m-[^/]+)/?|.*/models/(m-[^/]+)/artifacts/?")
_RUN = re.compile(r"runs:/([^/]+)(?:/(.*))?|.*/([^/]+)/artifacts(?:/(.*))?", re.DOTALL)


class RegistryImport:
    """Takes registered models over, each with its versions in the order of their numbers."""

    def __init__(self, takeover: Takeover) -> None:
        self._source = takeover.source
        self._destination = takeover.destination
        self._is_dry_run = takeover.is_dry_run
        self._note = takeover.note
        self._told = takeover.told
        self._counted: dict[str, int] = {}

    def run(self) -> tuple[Counts, Counts]:
        """Return what the source has, and what of it is here."""
        for model in sound(self._source.registered_models(), self._source.name):
            try:
                self._take(model)
            except (AlreadyExists, InvalidParameter, Unreadable) as error:
                self._note(f"Registered model {model.name!r}: {error}")
            self._told("Registered models", len(self._counted), 0)
        read = Counts(registered_models=len(self._counted), versions=sum(self._counted.values()))
        return read, self._kept()

    def _take(self, model: SourceRegisteredModel) -> None:
        self._counted[model.name] = 0
        versions = iter(sound(self._source.versions(model), self._source.name))
        if self._is_dry_run and self._destination.has_foreign_model(model.name):
            self._note(f"A registered model {model.name!r} is here already and came from elsewhere.")
        is_first = True
        while (group := list(islice(versions, VERSIONS_AT_ONCE))) or is_first:
            self._counted[model.name] += len(group)
            if not self._is_dry_run:
                described = [_described(model, version) for version in group]
                answer = self._destination.import_registered_model(model, described)
                for problem in answer.problems:
                    self._note(problem)
            is_first = False

    def _kept(self) -> Counts:
        kept = Counts()
        names: Iterator[str] = iter(self._counted)
        while not self._is_dry_run and (some := list(islice(names, COUNTED_AT_ONCE))):
            found = self._destination.count(CountImported(registered_models=some))
            kept.add(Counts(registered_models=found.registered_models, versions=found.versions))
            if found.versions != sum(self._counted[name] for name in some):
                self._name_differences(some)
        return kept

    def _name_differences(self, some: Sequence[str]) -> None:
        for name in some:
            asked = CountImported(registered_models=[name])
            here, there = self._destination.count(asked).versions, self._counted[name]
            if here != there:
                self._note(
                    f"Registered model {name!r} has {here} versions here and {there} at the source, or has "
                    "changed here since."
                )


def _described(model: SourceRegisteredModel, version: SourceVersion) -> ImportedVersion:
    model_id, path = "", None
    if not is_prompt(model.tags):
        model_id, path = version.model_id or logged_model_of(version), path_in_run(version)
    is_remote = not model_id and path is None and version.location
    return ImportedVersion(
        version=version.version,
        creation_timestamp=version.created_ms,
        last_updated_timestamp=version.updated_ms,
        description=version.description,
        current_stage=version.stage or "None",
        source=version.location if is_remote else version.source,
        run_id=version.run_id,
        path=path,
        model_id=model_id,
        run_link=version.run_link,
        tags=key_values(version.tags),
        aliases=sorted(alias for alias, number in model.aliases.items() if number == version.version),
    )


def logged_model_of(version: SourceVersion) -> str:
    """Return the id of the logged model whose files the version has; empty if they are not such a one's."""
    for place in (version.source, version.location):
        match = _LOGGED_MODEL.fullmatch(place)
        if match is not None:
            return str(match[1] or match[2])
    return ""


def path_in_run(version: SourceVersion) -> str | None:
    """Return where in the artifacts of its run the files of a version lie; ``None`` if not there.

    MLflow keeps the artifacts of a run in a folder `artifacts` in one that has the run's id as its name.
    """
    for place in (version.location, version.source):
        match = _RUN.fullmatch(place)
        if match is not None and version.run_id and version.run_id in (match[1], match[3]):
            return str(match[2] or match[4] or "").strip("/")
    return None
