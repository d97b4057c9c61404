"""Runyard's route about the sessions of traces, over HTTP in this process, and who may use it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.team import Team

SESSIONS = "/api/v1/trace-sessions"
ALPHA = "/workspaces/alpha"


def start(team: Team, trace_id: str, session_id: str, at: str = "", **more: Any) -> None:
    told = {
        "trace_id": trace_id,
        "trace_location": {"mlflow_experiment": {"experiment_id": more.pop("experiment_id", "0")}},
        "trace_metadata": {"mlflow.trace.session": session_id},
        **more,
    }
    path = f"{at}/api/3.0/mlflow/traces"
    team.ask("POST", path, {"trace": {"trace_info": told}}, key=team.admin_key).raise_for_status()


def listed(team: Team, **query: Any) -> Any:
    answer = team.ask("GET", SESSIONS, {"experiment_id": "0", **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_sessions_are_listed_in_pages_with_what_their_traces_come_to(up: Team) -> None:
    for number in range(3):
        start(
            up,
            f"tr-{number}",
            "talk" if number < 2 else "é/1",
            request_time=f"1970-01-01T00:00:0{number}Z",
            request_preview=f"asked {number}",
            state="ERROR" if number == 1 else "OK",
        )
    first = listed(up, max_results=1)
    assert first["sessions"] == [
        {
            "session_id": "é/1",
            "trace_count": 1,
            "error_count": 0,
            "total_tokens": None,
            "first_request": "asked 2",
            "first_ms": 2000,
            "last_ms": 2000,
        }
    ]
    rest = listed(up, max_results=1, page_token=first["next_page_token"])
    assert rest == {
        "sessions": [
            {
                "session_id": "talk",
                "trace_count": 2,
                "error_count": 1,
                "total_tokens": None,
                "first_request": "asked 0",
                "first_ms": 0,
                "last_ms": 1000,
            }
        ],
        "next_page_token": None,
    }
    failed = listed(up, filter="status = 'ERROR'")["sessions"]
    assert [(each["session_id"], each["trace_count"]) for each in failed] == [("talk", 1)]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"max_results": 0}, "It must be a positive integer"),
        ({"max_results": 501}, "It must be at most 500"),
        ({"page_token": "x"}, "Invalid page token"),
        ({"filter": "nothing"}, "Invalid clause"),
        ({"experiment_id": "x"}, "Invalid experiment ID 'x'"),
    ],
)
def test_what_can_not_be_listed_is_refused(up: Team, query: dict[str, Any], says: str) -> None:
    answer = up.ask("GET", SESSIONS, {"experiment_id": "0", **query})
    assert answer.status_code == 400
    assert says in answer.json()["message"]


def test_s10_sessions_of_what_the_caller_may_not_see_are_none(team: Team) -> None:
    seen, hidden = (
        team.ask(
            "POST", f"{ALPHA}/api/2.0/mlflow/experiments/create", {"name": name}, key=team.admin_key
        ).json()["experiment_id"]
        for name in ("seen", "hidden")
    )
    guest = team.person("guest")
    team.grant("guest", "reader", "alpha", experiment_id=seen)
    for name, experiment_id in (("seen", seen), ("hidden", hidden)):
        start(team, f"tr-{name}", "shared", ALPHA, experiment_id=experiment_id)

    def counts(experiment_id: str, key: str, at: str = ALPHA) -> list[int]:
        answer = team.ask("GET", f"{at}{SESSIONS}", {"experiment_id": experiment_id}, key=key)
        answer.raise_for_status()
        return [each["trace_count"] for each in answer.json()["sessions"]]

    assert counts(seen, guest) == [1]
    assert counts(hidden, guest) == []
    assert counts(hidden, team.admin_key) == [1]
    assert counts(hidden, team.admin_key, "/workspaces/beta") == []
