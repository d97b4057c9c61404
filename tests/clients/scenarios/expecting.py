"""What scenarios expect and pytest would offer, for interpreters that have no pytest."""

import contextlib

from mlflow.exceptions import MlflowException


@contextlib.contextmanager
def refused(*error_codes):
    """Expect that the server refuses with one of these codes, as the client's own exception class."""
    try:
        yield
    except MlflowException as error:
        assert error.error_code in error_codes, f"{error.error_code} instead of {error_codes}: {error}"
    else:
        raise AssertionError(f"nothing was refused, {error_codes} was expected")


def same(left, right):
    """Say both sides when they differ."""
    assert left == right, f"\n  {left!r}\nis not\n  {right!r}"
