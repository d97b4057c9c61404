"""One table of routes: method, path, messages and permission of each, stated in one place.

A route is declared where its handler stands::

    routes = Routes()

    @routes.post("/api/2.0/mlflow/runs/delete", permits=Permission.CONTRIBUTE, summary="Delete a run.")
    def delete_run(call: Call, body: RunId) -> Empty: ...

``permits`` has no default, so a route can't be registered without one. A handler's ``body`` is
decoded from the JSON body, on GET from the query; a ``{name}`` of the path is a keyword
argument. Where the declaration names a ``binary`` form of the answer, ``accept`` is what the
client accepts. Plain functions run in a worker thread, or, where it says ``commits_together``, in
one transaction with what other clients log at the same moment; an ``async def`` handler gets the
HTTP request as ``http`` and returns a Starlette response itself, as streaming needs it.
"""

from __future__ import annotations

import inspect
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, get_args, get_type_hints

import msgspec
from starlette.routing import compile_path

from runyard.auth.permissions import Open, Permission
from runyard.errors import MethodNotAllowed, NotImplementedHere, RouteNotFound
from runyard.services.call import Call
from runyard.services.reach import Named, anywhere
from runyard.settings import Settings

if TYPE_CHECKING:
    from typing_extensions import Unpack

Handler = TypeVar("Handler", bound=Callable[..., Any])
_API = "/api/"
_AJAX = "/ajax-api/"
_STARTING_SEGMENTS = 4  # with the empty one before the first slash
_SHORT = ""
"""Where the patterns stand that name no more than their first segments."""


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table.

    Args:
        method: HTTP method.
        path: Path below a workspace's address, with ``{name}`` or ``{name:path}`` for parameters.
        permits: What the caller must be allowed to do in that workspace.
        summary: One line for the API's documentation.
        handler: The function that answers; where everybody may ask it, it gets nothing to answer from.
        request: Type of the decoded body or query; ``None`` for a handler without one.
        answer: Type of the answer; ``None`` if the handler returns a response itself.
        is_raw: Whether the handler is an ``async def`` that gets the HTTP request itself.
        commits_together: Whether its change may be written in one transaction with those of other requests.
        binary: Content type of the answer's other form, for who accepts it; the handler takes ``accept``.
        opened_by: The setting that lets everybody use it, if there is one.
        of: Which experiments of the workspace it is about, for callers with roles in some; ``None`` for the
            workspace as a whole.
        is_audited: Whether the audit log tells that it was done; of what was refused it tells anyway.
        is_atomic: Whether it is one short change of the database, and kept together with its audit entry.
        is_page: Whether a browser shows its answer to a person: what it refuses, it says in HTML.
        workspace_in: The parameter of the path that names the workspace it is about, whatever workspace the
            address names.
        is_of_server: Whether it answers the same in all workspaces, and in one that isn't there.
        status: The HTTP status of a good answer; with 204 there is no body.
        content_type: Of the answer of a raw handler that has no message for it; empty for one without a body.
        runs_code: Whether it has code of the caller's run by this server's user; on `up`, where nobody needs
            a credential, other users of the machine may not ask for that.
        for_jobs: Whether the code of a job may use it, as far as its submitter may.
        refusal: Why Runyard has not got what MLflow has there; such a route answers nothing but that.

    Attributes:
        action: What the audit log calls it: the noun and what is done to it.
    """

    method: str
    path: str
    permits: Permission | Open
    summary: str
    handler: Callable[..., Any]
    request: type[msgspec.Struct] | None
    answer: type[msgspec.Struct] | None
    is_raw: bool
    commits_together: bool = False
    binary: str | None = None
    opened_by: str | None = None
    of: Named | None = None
    is_audited: bool = False
    is_atomic: bool = False
    is_page: bool = False
    workspace_in: str | None = None
    is_of_server: bool = False
    status: int = 200
    content_type: str = "application/octet-stream"
    runs_code: bool = False
    for_jobs: bool = False
    refusal: str = ""
    action: str = field(init=False)

    def __post_init__(self) -> None:
        noun = self.handler.__module__.rpartition(".")[2]
        object.__setattr__(self, "action", f"{noun}.{self.handler.__name__}")

    @property
    def has_parameters(self) -> bool:
        """Whether a part of the path is the caller's to choose."""
        return "{" in self.path

    def under(self, settings: Settings) -> Route:
        """Return the route as a server with these settings has it."""
        if self.opened_by is None or not getattr(settings, self.opened_by):
            return self
        return replace(self, permits=Open(f"the setting {self.opened_by} says so"))


class Options(TypedDict, total=False):
    """What a declaration may say besides; :class:`Route` tells what each means."""

    commits_together: bool
    binary: str | None
    opened_by: str | None
    of: Named | None
    is_audited: bool
    is_atomic: bool
    is_page: bool
    workspace_in: str | None
    is_of_server: bool
    status: int
    content_type: str
    runs_code: bool
    for_jobs: bool
    refusal: str


class Routes:
    """The routes of one noun, in the order of their declaration."""

    def __init__(self) -> None:
        self._routes: list[Route] = []

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def add(
        self,
        method: str,
        *paths: str,
        permits: Permission | Open,
        summary: str,
        **options: Unpack[Options],
    ) -> Callable[[Handler], Handler]:
        """Declare the decorated function as the handler of ``method`` at ``paths``.

        A path below ``/api/`` answers below ``/ajax-api/`` as well, where MLflow's own pages call it.
        A handler that ``commits_together`` is short, changes the database and nothing else, and may be
        called a second time if the first was rolled back. The audit log tells of changes that need ``MANAGE``
        or more, unless ``is_audited`` says otherwise.
        """
        is_grave = method != "GET" and not isinstance(permits, Open) and permits >= Permission.MANAGE

        options.setdefault("is_audited", is_grave)

        def declare(handler: Handler) -> Handler:
            hints = get_type_hints(handler)
            told = hints.get("return")
            answer = next((kind for kind in (told, *get_args(told)) if _is_message(kind)), None)
            for path in _with_twins(paths):
                self._routes.append(
                    Route(
                        method=method,
                        path=path,
                        permits=permits,
                        summary=summary,
                        handler=handler,
                        request=hints.get("body"),
                        answer=answer,
                        is_raw=inspect.iscoroutinefunction(handler),
                        **options,
                    )
                )
            return handler

        return declare

    def refuse(self, method: str, *paths: str, why: str) -> None:
        """Declare that MLflow answers ``method`` at ``paths`` and Runyard, on purpose, does not.

        Who asks gets 501 ``NOT_IMPLEMENTED`` with ``why``, a sentence that says what to use instead.
        """

        def refused(call: Call, **named: str) -> None:
            raise NotImplementedHere(why)

        declare = self.add(
            method, *paths, permits=Permission.READ, of=anywhere, summary=why, is_audited=False, refusal=why
        )
        declare(refused)

    def get(
        self, *paths: str, permits: Permission | Open, summary: str, **options: Unpack[Options]
    ) -> Callable[[Handler], Handler]:
        """Declare a GET; :meth:`add` says what else there is to say."""
        return self.add("GET", *paths, permits=permits, summary=summary, **options)

    def post(
        self, *paths: str, permits: Permission | Open, summary: str, **options: Unpack[Options]
    ) -> Callable[[Handler], Handler]:
        """Declare a POST."""
        return self.add("POST", *paths, permits=permits, summary=summary, **options)

    def put(
        self, *paths: str, permits: Permission | Open, summary: str, **options: Unpack[Options]
    ) -> Callable[[Handler], Handler]:
        """Declare a PUT."""
        return self.add("PUT", *paths, permits=permits, summary=summary, **options)

    def patch(
        self, *paths: str, permits: Permission | Open, summary: str, **options: Unpack[Options]
    ) -> Callable[[Handler], Handler]:
        """Declare a PATCH."""
        return self.add("PATCH", *paths, permits=permits, summary=summary, **options)

    def delete(
        self, *paths: str, permits: Permission | Open, summary: str, **options: Unpack[Options]
    ) -> Callable[[Handler], Handler]:
        """Declare a DELETE."""
        return self.add("DELETE", *paths, permits=permits, summary=summary, **options)


def _with_twins(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        yield path
        if path.startswith(_API) and not path.startswith("/api/v1/"):
            yield _AJAX + path.removeprefix(_API)


def _is_message(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


class RouteTable:
    """Finds the route of a request: by one dictionary look-up unless the path has parameters.

    Raises:
        ValueError: Two routes stand at the same method and path.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._exact: dict[str, dict[str, Route]] = {}
        self._patterns: dict[str, list[tuple[re.Pattern[str], dict[str, Route]]]] = defaultdict(list)
        by_path: dict[str, dict[str, Route]] = {}
        for route in routes:
            methods = by_path.setdefault(route.path, {})
            if route.method in methods:
                raise ValueError(f"Two routes stand at {route.method} {route.path}")
            methods[route.method] = route
        for path, methods in by_path.items():
            if "{" in path:
                start = _start(path.partition("{")[0])
                # A path is all of its characters: without this a line's end is none of `{name:path}`.
                pattern = re.compile(compile_path(path)[0].pattern, re.DOTALL)
                self._patterns[start].append((pattern, methods))
            else:
                self._exact[path] = methods

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """Return the route at ``path`` and the values of the path's parameters.

        Raises:
            RouteNotFound: Nothing lies at that path.
            MethodNotAllowed: Something does, under another method.
        """
        methods, values = self._methods_at(path)
        if methods is None:
            raise RouteNotFound(f"There is no endpoint at {path[:200]}.")
        route = methods.get("GET" if method == "HEAD" else method)
        if route is None:
            allowed = ", ".join(sorted(methods))
            raise MethodNotAllowed(f"{method} is not a method of this endpoint, which has {allowed}.")
        return route, values

    def _methods_at(self, path: str) -> tuple[dict[str, Route] | None, dict[str, str]]:
        exact = self._exact.get(path)
        if exact is not None:
            return exact, {}
        for start in (_start(path), _SHORT):
            for pattern, methods in self._patterns.get(start, ()):
                match = pattern.fullmatch(path)
                if match is not None:
                    return methods, match.groupdict()
        return None, {}


def _start(path: str) -> str:
    """Return the first segments of a path, by which most patterns are told apart without trying them."""
    segments = path.split("/", _STARTING_SEGMENTS)
    return "/".join(segments[:_STARTING_SEGMENTS]) if len(segments) > _STARTING_SEGMENTS else _SHORT
