"""The error tree: one class a cause, each with its wire code and HTTP status.

RunyardError
├── InvalidParameter        400 INVALID_PARAMETER_VALUE   (also a ValueError)
│   ├── InvalidFilter       400 INVALID_PARAMETER_VALUE
│   │   └── UnknownAttribute 400 INVALID_PARAMETER_VALUE
│   └── Unprocessable       422 INVALID_PARAMETER_VALUE
├── InvalidState            400 INVALID_STATE
│   ├── LoginPending        400 AUTHORIZATION_PENDING
│   ├── LoginDenied         400 ACCESS_DENIED
│   └── LoginExpired        400 EXPIRED_TOKEN
├── AlreadyExists           400 RESOURCE_ALREADY_EXISTS
├── Unauthenticated         401 UNAUTHENTICATED
├── Forbidden               403 PERMISSION_DENIED
│   └── QuotaReached        403 QUOTA_EXCEEDED
├── NotFound                404 RESOURCE_DOES_NOT_EXIST   (also a KeyError)
│   └── RouteNotFound       404 ENDPOINT_NOT_FOUND
├── MethodNotAllowed        405 METHOD_NOT_ALLOWED
├── TooSlow                 408 DEADLINE_EXCEEDED
├── TooLarge                413 REQUEST_LIMIT_EXCEEDED
├── TooManyRequests         429 RESOURCE_EXHAUSTED
├── NotImplementedHere      501 NOT_IMPLEMENTED
├── Unavailable             503 TEMPORARILY_UNAVAILABLE
├── StorageFull             507 RESOURCE_EXHAUSTED
└── InternalError           500 INTERNAL_ERROR

The server answers with ``error_code`` and the status; the SDK raises the class that
:func:`error_for` finds for them, so that a caller catches what the server raised.
Codes and statuses are MLflow's (``mlflow/protos/databricks.proto``) where it has them:
its clients decide by them what to raise and what to retry.
"""

from __future__ import annotations

SOON_S = 2
"""How long to wait for what passes by itself."""


class RunyardError(Exception):
    """What went wrong, in words that say what to do next.

    Args:
        message: One sentence for a person; it names the field and the limit, never a secret.

    Example:
        >>> try:
        ...     ws.get_run("0" * 32)
        ... except RunyardError as error:
        ...     error.code
        'RESOURCE_DOES_NOT_EXIST'
    """

    code = "INTERNAL_ERROR"
    http_status = 500
    retry_after_s: int | None = None
    """After how many seconds the same may succeed; ``None`` where waiting does not help."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message


class InvalidParameter(RunyardError, ValueError):
    """A field of the request is missing, malformed or out of its limits."""

    code = "INVALID_PARAMETER_VALUE"
    http_status = 400


class InvalidFilter(InvalidParameter):
    """A search filter or an order that does not follow the grammar."""


class UnknownAttribute(InvalidFilter):
    """An order by something that what is searched for has not."""


class Unprocessable(InvalidParameter):
    """The request can be read, and what it says can't be taken; OpenTelemetry's exporters know the status."""

    http_status = 422


class InvalidState(RunyardError):
    """The object exists, but not in a state that allows this."""

    code = "INVALID_STATE"
    http_status = 400


class LoginPending(InvalidState):
    """Nobody has said yes or no yet; ask again after the interval."""

    code = "AUTHORIZATION_PENDING"


class LoginDenied(InvalidState):
    """Somebody said no."""

    code = "ACCESS_DENIED"


class LoginExpired(InvalidState):
    """Nobody said yes in time, it was used already, or there never was such a login."""

    code = "EXPIRED_TOKEN"


class AlreadyExists(RunyardError):
    """An object of that name exists already, active or deleted."""

    code = "RESOURCE_ALREADY_EXISTS"
    http_status = 400


class Unauthenticated(RunyardError):
    """No credential, or one that is not valid any more."""

    code = "UNAUTHENTICATED"
    http_status = 401


class Forbidden(RunyardError):
    """The caller is known and may not do this."""

    code = "PERMISSION_DENIED"
    http_status = 403


class QuotaReached(Forbidden):
    """The workspace holds as much as its quota lets it; nothing was written.

    To send it again helps only after something was removed or the quota raised, so it is not one of the
    statuses that clients try again (429, 503, 507); and nothing is wrong with the request's own size (413).
    """

    code = "QUOTA_EXCEEDED"


class NotFound(RunyardError, KeyError):
    """No such object, or none that the caller may see."""

    code = "RESOURCE_DOES_NOT_EXIST"
    http_status = 404


class RouteNotFound(NotFound):
    """No endpoint lies at this address."""

    code = "ENDPOINT_NOT_FOUND"


class MethodNotAllowed(RunyardError):
    """The endpoint exists, under another HTTP method."""

    code = "METHOD_NOT_ALLOWED"
    http_status = 405


class TooSlow(RunyardError):
    """The request did not arrive in time, so nothing was done; sent again it may."""

    code = "DEADLINE_EXCEEDED"
    http_status = 408


class TooLarge(RunyardError):
    """The request's body is over the limit that the message names."""

    code = "REQUEST_LIMIT_EXCEEDED"
    http_status = 413


class TooManyRequests(RunyardError):
    """Too many tries; wait before the next.

    Args:
        message: As everywhere.
        retry_after_s: How long, in whole seconds.
    """

    code = "RESOURCE_EXHAUSTED"
    http_status = 429

    def __init__(self, message: str, retry_after_s: int = SOON_S) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotImplementedHere(RunyardError):
    """MLflow has this, Runyard does not or not for this storage."""

    code = "NOT_IMPLEMENTED"
    http_status = 501


class Unavailable(RunyardError):
    """The server can't answer now; the same call may go through later."""

    code = "TEMPORARILY_UNAVAILABLE"
    http_status = 503
    retry_after_s = SOON_S


class StorageFull(RunyardError):
    """The disk, or what the store may take, is full; nothing was written."""

    code = "RESOURCE_EXHAUSTED"
    http_status = 507
    retry_after_s = SOON_S


class InternalError(RunyardError):
    """A fault of the server's; its log has the details under the request's id."""


_BY_STATUS: dict[int, type[RunyardError]] = {
    cls.http_status: cls
    for cls in (
        InternalError, InvalidParameter, Unprocessable, Unauthenticated, Forbidden, NotFound,
        MethodNotAllowed, TooSlow, TooLarge, TooManyRequests, NotImplementedHere, Unavailable, StorageFull,
    )
}  # fmt: skip
# A gateway's words for a server that does not answer it.
_BY_STATUS |= {502: Unavailable, 504: Unavailable}

_BY_CODE: dict[str, type[RunyardError]] = {
    cls.code: cls
    for cls in (
        InternalError, InvalidParameter, InvalidState, LoginPending, LoginDenied, LoginExpired, AlreadyExists,
        Unauthenticated, Forbidden, NotFound,
        RouteNotFound, MethodNotAllowed, QuotaReached, TooSlow, TooLarge, NotImplementedHere, Unavailable,
    )
}  # fmt: skip


def error_for(http_status: int, code: str, message: str) -> RunyardError:
    """Return the error that a server meant by its status and code, ready to be raised."""
    by_code = _BY_CODE.get(code)
    if by_code is not None and by_code.http_status == http_status:
        return by_code(message)
    return _BY_STATUS.get(http_status, by_code or RunyardError)(message)
