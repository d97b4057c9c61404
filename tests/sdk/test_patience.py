"""A server that is away for a while is waited for, and one that never answered is not."""

from __future__ import annotations

import pytest

from runyard.errors import NotFound, Unavailable
from runyard.sdk.patience import AWAY_AT_MOST_S, Patience


class Clock:
    """Time that passes in pauses alone."""

    def __init__(self) -> None:
        self.now_s = 5.0

    def pause(self, seconds: float) -> None:
        self.now_s += seconds


class Server:
    """Answers until it is taken away, for so many questions."""

    def __init__(self, absences: int = 0) -> None:
        self.absences = absences
        self.asked = 0

    def answer(self) -> str:
        self.asked += 1
        if self.absences:
            self.absences -= 1
            raise Unavailable("No server answers.")
        return "here"


def patience(clock: Clock) -> Patience:
    return Patience(clock.pause, lambda: clock.now_s)


def test_a_server_that_never_answered_is_not_waited_for():
    clock, server = Clock(), Server(1)
    with pytest.raises(Unavailable):
        patience(clock).ask(server.answer)
    assert (server.asked, clock.now_s) == (1, 5.0)


def test_one_that_comes_back_is_waited_for_each_time_and_that_is_said_once(
    capsys: pytest.CaptureFixture[str],
):
    clock, server = Clock(), Server()
    bearing = patience(clock)
    assert bearing.ask(server.answer) == "here"
    for _ in range(3):
        server.absences = int(AWAY_AT_MOST_S) - 1
        assert bearing.ask(server.answer) == "here"
    assert capsys.readouterr().err.count("The server does not answer") == 3


def test_one_that_stays_away_is_given_up():
    clock, server = Clock(), Server()
    bearing = patience(clock)
    bearing.ask(server.answer)
    server.absences = 10_000
    with pytest.raises(Unavailable):
        bearing.ask(server.answer)
    assert clock.now_s == 5.0 + AWAY_AT_MOST_S


def test_what_else_goes_wrong_is_raised_at_once():
    def gone() -> None:
        raise NotFound("There is no such run.")

    bearing = patience(Clock())
    bearing.ask(lambda: None)
    with pytest.raises(NotFound):
        bearing.ask(gone)
