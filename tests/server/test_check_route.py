"""The check over HTTP: for administrators, and one at a time."""

import httpx

from runyard.services import integrity


def test_the_owner_of_a_server_may_ask_whether_all_is_whole(server):
    answer = httpx.get(f"{server.url}/api/v1/check", timeout=60).raise_for_status().json()
    assert (answer["is_whole"], answer["faults"]) == (True, [])
    assert set(answer["looked_at"]) == {"runs", "series", "points", "batches", "chunks"}


def test_one_check_at_a_time(local):
    with integrity._one_at_a_time:
        answer = local.ask("GET", "/api/v1/check")
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
