"""Taking over scorers, label schemas and issues of elsewhere, with their ids, numbers and times.

What is here stays as it is, so the calls of an import that was killed are good twice. What was deleted here
comes back with the next import.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from runyard.entities.issue import Issue
from runyard.entities.label_schema import LabelSchema
from runyard.entities.scorer import Scorer
from runyard.errors import AlreadyExists, InvalidParameter
from runyard.protocol import limits
from runyard.services.call import Call
from runyard.services.imports import check_imported_time, check_source, imported_experiment
from runyard.services.issues import check_issue
from runyard.services.label_schemas import check_described
from runyard.services.scorers import check_online_scoring, check_scorer

MAX_ITEMS = 100
MAX_VERSIONS = 10_000
MAX_NUMBER = 2**31 - 1
MAX_ID_LENGTH = 36

_ID = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class ComingJudging:
    """Some of what an experiment's traces are judged by, and of what came of that."""

    scorers: Sequence[Scorer] = ()
    label_schemas: Sequence[LabelSchema] = ()
    issues: Sequence[Issue] = ()


def import_judging(call: Call, source: str, experiment_id: str, coming: ComingJudging) -> list[str]:
    """Keep what is not here; return what is wrong with the others.

    Raises:
        InvalidParameter: Too many at once.
        InvalidState: The experiment takes nothing from this source.
        NotFound: There is no such experiment.
    """
    check_source(source)
    for name in ("scorers", "label_schemas", "issues"):
        count = len(getattr(coming, name))
        if count > MAX_ITEMS:
            raise InvalidParameter(f"'{name}' has {count} entries; at most {MAX_ITEMS} are allowed.")
    with call.stores.atomic():
        imported_experiment(call, source, experiment_id)
        problems = [_problem(_named(each), partial(_take_scorer, call, each)) for each in coming.scorers]
        problems += _take_schemas(call, coming.label_schemas)
        problems += _take_issues(call, coming.issues)
    return [each for each in problems if each]


def _problem(name: str, take: Callable[[], None]) -> str:
    """Take one, and return what is wrong with it; empty if nothing is."""
    try:
        take()
    except (InvalidParameter, AlreadyExists) as error:
        return f"{name}: {error.message}"
    return ""


def _named(scorer: Scorer) -> str:
    return f"Scorer {scorer.versions[0].name!r}" if scorer.versions else "A scorer"


def _take_scorer(call: Call, coming: Scorer) -> None:
    numbers = [each.version for each in coming.versions]
    if not 0 < len(numbers) <= MAX_VERSIONS or numbers != sorted(set(numbers)):
        raise InvalidParameter(f"A scorer has 1 to {MAX_VERSIONS} versions, whose numbers rise.")
    for each in coming.versions:
        _check_id(each.scorer_id, "scorer_id")
        if not 0 < each.version <= MAX_NUMBER:
            raise InvalidParameter(f"The number of a version is from 1 to {MAX_NUMBER}.")
        check_imported_time(each.created_ms, "creation_time")
        check_scorer(each.name, each.serialized)
    if coming.online is not None:
        limits.check_length(coming.online.config_id, MAX_ID_LENGTH, "online_scoring_config_id")
        check_online_scoring(coming.online.sample_rate, coming.online.filter)
    is_new = call.stores.metadata.scorers.keep_versions(coming.versions)
    if is_new and coming.online is not None:
        call.stores.metadata.scorers.set_online(coming.online)


def _take_schemas(call: Call, schemas: Sequence[LabelSchema]) -> list[str]:
    store = call.stores.metadata.label_schemas
    here = set(store.find_schema_ids(call.workspace.name, [each.schema_id for each in schemas]))

    def take(schema: LabelSchema) -> None:
        _check_id(schema.schema_id, "schema_id")
        check_described(schema)
        check_imported_time(schema.created_ms, "created_at")
        check_imported_time(schema.updated_ms, "last_updated_at")
        store.add_schema(schema)

    return [
        _problem(f"Label schema {each.name!r}", partial(take, each))
        for each in schemas
        if each.schema_id not in here
    ]


def _take_issues(call: Call, issues: Sequence[Issue]) -> list[str]:
    store = call.stores.metadata.issues
    here = set(store.find_issue_ids(call.workspace.name, [each.issue_id for each in issues]))

    def take(issue: Issue) -> None:
        _check_id(issue.issue_id, "issue_id")
        check_imported_time(issue.created_ms, "created_timestamp")
        check_imported_time(issue.updated_ms, "last_updated_timestamp")
        limits.check_length(issue.source_run_id or "", MAX_ID_LENGTH, "source_run_id")
        check_issue(issue)
        store.add_issue(issue)

    return [
        _problem(f"Issue {each.name!r}", partial(take, each)) for each in issues if each.issue_id not in here
    ]


def _check_id(found: str, field: str) -> None:
    limits.check_length(found, MAX_ID_LENGTH, field)
    if _ID.fullmatch(found) is None:
        raise InvalidParameter(f"'{found[:MAX_ID_LENGTH]}' is no {field}.")
