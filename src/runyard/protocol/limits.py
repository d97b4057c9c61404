"""MLflow's rules for names, ids and lengths, with its words for what breaks them.

The limits are MLflow's (``mlflow/utils/validation.py``) but for two: it cuts the values of
params at 6,000 and of tags at 8,000 characters without a word, while here they are kept whole
up to 65,535 and refused beyond.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from runyard.entities.metric import MetricBatch
from runyard.errors import InvalidParameter, NotFound, TooLarge
from runyard.protocol.wire import invalid, invalid_value

MAX_METRICS = 1000
MAX_PARAMS_OR_TAGS = 100
MAX_ENTITIES = 1000
MAX_DATASETS = 1000
MAX_KEY_LENGTH = 250
MAX_VALUE_LENGTH = 65_535
MAX_EXPERIMENT_NAME_LENGTH = 500
MAX_EXPERIMENT_TAG_LENGTH = 20_000
MAX_RUN_NAME_LENGTH = 65_535
MAX_RUNS_PAGE = 50_000
MAX_EXPERIMENTS_PAGE = 50_000
MAX_KNOWN_KEYS = 20_000
MAX_WORKSPACE_NAME_LENGTH = 63

_NAME = re.compile(r"[/\w.\- :]*")
# Most names; as a path they are themselves, so that nobody need look further.
_PLAIN_NAME = re.compile(r"[\w\- :]+")
_BAD_NAME = (
    "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) "
    "and slashes (/)."
)
# A training loop logs the same keys again and again: a good one is looked at once.
_known_keys: set[str] = set()
_BATCH_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_RUN_ID = re.compile(r"[0-9a-f]{32}")
_MODEL_ID = re.compile(r"m-[0-9a-f]{32}")
_WORKSPACE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_MLFLOW_WORKSPACE = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
_RESERVED_WORKSPACES = frozenset({"workspaces", "api", "ajax-api", "static-files"})


class _Pair(Protocol):
    key: str
    value: str


def check_key(key: str, field: str) -> None:
    """Refuse a key of a metric, param or tag that MLflow would refuse."""
    if _PLAIN_NAME.fullmatch(key) is not None:
        return
    if not key:
        raise invalid(field, key, "A key name must be provided.")
    if _NAME.fullmatch(key) is None:
        raise invalid(field, key, _BAD_NAME)
    as_path = posixpath.normpath(key)
    if as_path != key or as_path == "." or as_path.startswith(("..", "/")):
        raise invalid(
            field,
            key,
            "Names may be treated as files in certain cases, and must not resolve to other names when "
            f"treated as such. This name would resolve to {as_path!r}",
        )


def check_length(text: str, limit: int, field: str) -> None:
    """Refuse a text that is longer than ``limit`` characters."""
    if len(text) > limit:
        raise InvalidParameter(f"'{field}' exceeds the maximum length of {limit} characters")


def check_file_size(size_bytes: int, max_bytes: int) -> None:
    """Refuse a file that is larger than the setting ``max_upload_bytes``, which may be 0 for no limit."""
    if max_bytes and size_bytes > max_bytes:
        raise TooLarge(f"The file is over the limit of {max_bytes} bytes (setting max_upload_bytes).")


def check_metrics(metrics: MetricBatch, in_batch: bool) -> None:
    """Refuse a batch with a metric whose key or timestamp MLflow would refuse."""
    if _known_keys.issuperset(metrics.keys) and min(metrics.timestamps_ms, default=0) >= 0:
        return
    for index, (key, timestamp_ms) in enumerate(zip(metrics.keys, metrics.timestamps_ms, strict=True)):
        path = f"metrics[{index}]." if in_batch else ""
        check_key(key, path + "name")
        if timestamp_ms < 0:
            raise invalid(
                path + "timestamp",
                timestamp_ms,
                f"metric '{key}' (value={metrics.values[index]}). Timestamp must be a nonnegative long "
                "(64-bit integer) ",
            )
        check_length(key, MAX_KEY_LENGTH, "Metric name")
    if len(_known_keys) >= MAX_KNOWN_KEYS:
        _known_keys.clear()
    _known_keys.update(metrics.keys)


def check_params(params: Iterable[_Pair], in_batch: bool) -> None:
    """Refuse params whose keys or values MLflow would refuse, or a key that comes twice."""
    seen: set[str] = set()
    repeated: list[str] = []
    for index, param in enumerate(params):
        check_key(param.key, f"params[{index}].key" if in_batch else "key")
        check_length(param.key, MAX_KEY_LENGTH, "Param key")
        check_length(param.value, MAX_VALUE_LENGTH, "Param value")
        if param.key in seen:
            repeated.append(param.key)
        seen.add(param.key)
    if repeated:
        raise InvalidParameter(
            f"Duplicate parameter keys have been submitted: {repeated}. Please ensure the request contains "
            "only one param value per param key."
        )


def check_tags(tags: Iterable[_Pair], in_batch: bool) -> None:
    """Refuse tags whose keys or values MLflow would refuse."""
    for index, tag in enumerate(tags):
        path = f"tags[{index}]." if in_batch else ""
        check_key(tag.key, path + "key")
        check_length(tag.key, MAX_KEY_LENGTH, path + "key")
        check_length(tag.value, MAX_VALUE_LENGTH, path + "value")


def check_first_tags(tags: Mapping[str, str]) -> None:
    """Refuse tags that no run can begin with; MLflow takes keys of any characters there, and so do we."""
    for key, value in tags.items():
        if not key:
            raise invalid("key", key, "A key name must be provided.")
        check_length(key, MAX_KEY_LENGTH, "key")
        check_length(value, MAX_VALUE_LENGTH, "value")


def check_batch(metrics: int, params: int, tags: int) -> None:
    """Refuse a batch that holds more than MLflow allows."""
    _check_count(metrics, MAX_METRICS, "metrics")
    _check_count(params, MAX_PARAMS_OR_TAGS, "params")
    _check_count(tags, MAX_PARAMS_OR_TAGS, "tags")
    _check_count(metrics + params + tags, MAX_ENTITIES, "metrics, params, and tags")


def check_batch_id(batch_id: str) -> None:
    """Refuse an id of a batch that is no UUID of version 7, which begins with the time it was made at."""
    if _BATCH_ID.fullmatch(batch_id) is None:
        raise invalid("batch_id", batch_id, "A UUID of version 7 in lower case is expected.")


def is_run_id(text: str) -> bool:
    """Whether a run may have this id, whoever made it."""
    return _RUN_ID.fullmatch(text) is not None


def is_model_id(text: str) -> bool:
    """Whether a logged model may have this id."""
    return _MODEL_ID.fullmatch(text) is not None


def check_run_id(run_id: str) -> None:
    """Refuse an id that a client made for its run and that the server would not have made."""
    if not is_run_id(run_id):
        raise invalid("run_id", run_id, "32 hexadecimal digits in lower case are expected.")


def check_model_id(model_id: str) -> None:
    """Refuse an id that a client made for its logged model and that the server would not have made."""
    if _MODEL_ID.fullmatch(model_id) is None:
        raise invalid("model_id", model_id, "`m-` and 32 hexadecimal digits in lower case are expected.")


def _check_count(count: int, limit: int, what: str) -> None:
    if count > limit:
        raise InvalidParameter(
            f"A batch logging request can contain at most {limit} {what}. Got {count} {what}. Please split "
            f"up {what} across multiple requests and try again."
        )


def check_experiment_name(name: str) -> None:
    """Refuse a name of an experiment that MLflow would refuse."""
    if not name.strip():
        raise InvalidParameter(f"Invalid experiment name: '{name}'")
    check_length(name, MAX_EXPERIMENT_NAME_LENGTH, "name")


def check_experiment_tags(tags: Mapping[str, str]) -> None:
    """Refuse tags of an experiment that MLflow would refuse."""
    for key, value in tags.items():
        check_key(key, "key")
        check_length(key, MAX_KEY_LENGTH, "key")
        check_length(value, MAX_EXPERIMENT_TAG_LENGTH, "value")


def check_experiment_id(experiment_id: str) -> int:
    """Return an experiment's id as the number that it is; no experiment has a negative one, as in MLflow.

    Raises:
        InvalidParameter: It is none, or too large to be one.
    """
    digits = experiment_id.removeprefix("-")
    if digits.isascii() and digits.isdecimal() and len(digits) <= 18:
        return int(experiment_id)
    raise InvalidParameter(
        f"Invalid experiment ID '{experiment_id[:100]}'. Experiment ID must be a valid integer."
    )


def check_workspace_name(name: str) -> None:
    """Refuse a name of a workspace that could not be part of an address and of a path."""
    if _WORKSPACE.fullmatch(name) is None:
        raise invalid(
            "name", name, "Lower-case letters, digits and dashes, at most 63, the first one no dash."
        )


def check_mlflow_workspace_name(name: str) -> None:
    """Refuse a name of a workspace that MLflow's clients would refuse to send."""
    if not 2 <= len(name) <= MAX_WORKSPACE_NAME_LENGTH:
        raise InvalidParameter(
            f"Workspace name '{name[:100]}' must be between 2 and {MAX_WORKSPACE_NAME_LENGTH} characters."
        )
    if _MLFLOW_WORKSPACE.fullmatch(name) is None:
        raise InvalidParameter(
            f"Workspace name '{name}' must match the pattern {_MLFLOW_WORKSPACE.pattern} "
            "(lowercase alphanumeric with optional internal hyphens)."
        )
    if name in _RESERVED_WORKSPACES:
        raise InvalidParameter(f"Workspace name '{name}' is reserved and cannot be used.")


@contextmanager
def missing_mlflow_workspace(name: str) -> Iterator[None]:
    """Say of a workspace that is not there whether MLflow would take none of that name.

    Only of a missing one: Runyard's own names may be shorter, as ``b``.

    Raises:
        InvalidParameter: There is none, and its name is none of MLflow's.
    """
    try:
        yield
    except NotFound:
        check_mlflow_workspace_name(name)
        raise


def check_page_size(count: int, limit: int, field: str = "max_results") -> None:
    """Refuse a page size that is not between 1 and ``limit``."""
    if count < 1:
        raise InvalidParameter(f"{invalid_value(field, count)} It must be a positive integer")
    if count > limit:
        raise InvalidParameter(f"{invalid_value(field, count)} It must be at most {limit}")
