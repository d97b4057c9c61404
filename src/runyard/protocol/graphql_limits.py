"""How large a GraphQL query may be: a short one can ask for very much (MLflow's limits; CVE-2025-0453)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)

from runyard.errors import InvalidParameter

MAX_LENGTH: Final = 50_000
MAX_DEPTH: Final = 10
MAX_SELECTIONS: Final = 1_000
MAX_ROOT_FIELDS: Final = 10
MAX_ALIASES: Final = 10

_TOO_DEEP: Final = f"Query exceeds maximum depth of {MAX_DEPTH}"


def read_query(text: str) -> DocumentNode:
    """Return a query that is within the limits.

    Raises:
        InvalidParameter: Its text is too long.
        GraphQLError: It is no query, or asks for too much.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidParameter(f"'query' exceeds the maximum length of {MAX_LENGTH} characters")
    try:
        document = parse(text, no_location=True)
    except RecursionError:
        raise GraphQLError(_TOO_DEEP) from None
    _Scan(document).check()
    return document


class _Scan:
    """One pass over all that a query selects, its fragments in their places.

    Each selection that is looked at counts, so the pass ends however fragments hold one another.
    """

    def __init__(self, document: DocumentNode) -> None:
        self._operations = [
            each for each in document.definitions if isinstance(each, OperationDefinitionNode)
        ]
        found = [each for each in document.definitions if isinstance(each, FragmentDefinitionNode)]
        self._fragments = {each.name.value: each.selection_set for each in found}
        self._selections = 0

    def check(self) -> None:
        """Refuse what asks for too much; fragments that nothing uses count as well."""
        for operation in self._operations:
            self._check_below(operation.selection_set, is_root=True)
        for fragment in self._fragments.values():
            self._check_below(fragment, is_root=False)

    def _check_below(self, selections: SelectionSetNode, *, is_root: bool) -> None:
        levels = deque([(selections, 1)])
        while levels:
            level, depth = levels.popleft()
            if depth > MAX_DEPTH:
                raise GraphQLError(_TOO_DEEP)
            fields = list(self._fields(level))
            if is_root and depth == 1:
                _check_count(len(fields), MAX_ROOT_FIELDS, "root fields")
            _check_count(sum(field.alias is not None for field in fields), MAX_ALIASES, "aliases")
            levels += [(field.selection_set, depth + 1) for field in fields if field.selection_set]

    def _fields(self, level: SelectionSetNode) -> Iterator[FieldNode]:
        """The fields of a level, those of fragments among them."""
        waiting = deque(level.selections)
        while waiting:
            selection = waiting.popleft()
            self._selections += 1
            if self._selections > MAX_SELECTIONS:
                raise GraphQLError(f"Query exceeds maximum total selections of {MAX_SELECTIONS}")
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, InlineFragmentNode):
                waiting += selection.selection_set.selections
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value in self._fragments:
                waiting += self._fragments[selection.name.value].selections


def _check_count(count: int, limit: int, what: str) -> None:
    if count > limit:
        raise GraphQLError(f"GraphQL queries should have at most {limit} {what}, got {count} {what}.")
