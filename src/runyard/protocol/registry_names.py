"""MLflow's rules for names, versions, aliases, tags and stages of its model registry, in its words."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

from runyard.entities.registered_model import PROMPT_TEXT_TAG, Stage
from runyard.errors import InvalidParameter
from runyard.protocol.filter_tokens import shortened
from runyard.protocol.limits import MAX_KEY_LENGTH, check_key, check_length
from runyard.protocol.wire import invalid, missing

MAX_NAME_LENGTH = 256
MAX_TAG_VALUE_LENGTH = 100_000
MAX_TAGS = 1000
MAX_ALIASES = 1000
MAX_ALIAS_LENGTH = 255
MAX_DESCRIPTION_LENGTH = 65_535
MAX_SOURCE_LENGTH = 2048
MAX_RUN_LINK_LENGTH = 2048
MAX_ID_LENGTH = 256
LATEST = "latest"
ACTIVE_STAGES = (Stage.STAGING, Stage.PRODUCTION)

_STAGES = {stage.value.lower(): stage for stage in Stage}
_ALIAS = re.compile(r"[\w\-]*")
_VERSION_ALIAS = re.compile(r"[vV]\d+")


def check_model_name(name: str, field: str = "name") -> None:
    """Refuse a name that no registered model can have."""
    if not name.strip():
        raise missing(field)
    if "/" in name or ":" in name:
        raise InvalidParameter(f"Invalid model name '{shortened(name)}'. Names cannot contain '/' or ':'.")
    as_path = posixpath.normpath(name)
    if as_path != name or as_path == "." or as_path.startswith(".."):
        raise invalid(
            field,
            shortened(name),
            "Names may be treated as files in certain cases, and must not resolve to other names when "
            f"treated as such. This name would resolve to {shortened(as_path)!r}",
        )
    check_length(name, MAX_NAME_LENGTH, field)


def version_number(text: str) -> int:
    """Return the number of a version; one that no version has is 0.

    Raises:
        InvalidParameter: It is no number.
    """
    if re.fullmatch(r"\s*[-+]?[0-9]+\s*", text) is None:
        raise InvalidParameter(f"Parameter 'version' must be an integer, got '{shortened(text)}'.")
    return int(text) if len(text) <= 10 and 0 < int(text) < 2**31 else 0


def check_alias(alias: str) -> None:
    """Refuse what no alias can be called."""
    if not alias:
        raise InvalidParameter("Registered model alias name cannot be empty.")
    if _ALIAS.fullmatch(alias) is None:
        raise InvalidParameter(
            f"Invalid alias name: '{shortened(alias)}'. Names may only contain alphanumerics, "
            "underscores (_), and dashes (-)."
        )
    check_length(alias, MAX_ALIAS_LENGTH, "Registered model alias name")


def check_new_alias(alias: str) -> None:
    """Refuse an alias that can't be, or that would read like a version."""
    check_alias(alias)
    if alias.lower() == LATEST:
        raise InvalidParameter("'latest' alias name (case insensitive) is reserved.")
    if _VERSION_ALIAS.fullmatch(alias):
        raise InvalidParameter(f"Version alias name '{alias}' is reserved.")


def check_registry_tags(tags: Mapping[str, str]) -> None:
    """Refuse tags that a registered model or a version can't have."""
    if len(tags) > MAX_TAGS:
        raise InvalidParameter(f"'tags' has {len(tags)} entries; at most {MAX_TAGS} are allowed.")
    for key, value in tags.items():
        check_key(key, "key")
        check_length(key, MAX_KEY_LENGTH, "key")
        if key == PROMPT_TEXT_TAG and len(value) > MAX_TAG_VALUE_LENGTH:
            raise InvalidParameter(f"Prompt text exceeds max length of {MAX_TAG_VALUE_LENGTH} characters.")
        check_length(value, MAX_TAG_VALUE_LENGTH, "value")


def stage_named(text: str) -> Stage:
    """Return the stage that a text names, however it is capitalised.

    Raises:
        InvalidParameter: There is no such stage.
    """
    stage = _STAGES.get(text.lower())
    if stage is None:
        raise InvalidParameter(
            f"Invalid Model Version stage: {shortened(text)}. "
            f"Value must be one of {', '.join(each.value for each in Stage)}."
        )
    return stage
