"""The folders of a queue's arrays, beside those of the agents that are their elements."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from runyard.agent.assignment import FILE_NAME
from runyard.agent.station import Station, answer

TOKEN = "0123456789abcdef"
ONE, TWO = f"{'a' * 32}/1", f"{'b' * 32}/12"


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station(tmp_path / "a b", ["false"])


def prepare(station: Station, *handles: str, token: str = TOKEN) -> Path:
    launches = {each: {"told": each} for each in handles}
    return Path(answer(station, {"do": "prepare_array", "array": token, "launches": launches}))


def test_each_element_leads_to_its_agents_folder(station: Station):
    place = prepare(station, TWO, ONE)
    for task, handle in enumerate((TWO, ONE)):
        assert json.loads((place / str(task) / FILE_NAME).read_text()) == {"told": handle}
        assert (place / str(task)).resolve() == station.place_of(handle).resolve()
    assert answer(station, {"do": "read_arrays"}) == {TOKEN: {"0": TWO, "1": ONE}}
    assert station.list_handles() == [ONE, TWO]
    assert place.stat().st_mode & 0o777 == 0o700


def test_of_an_array_that_is_emptied_it_stays_known_what_it_was(station: Station):
    place = prepare(station, ONE, TWO)
    answer(station, {"do": "empty_array", "array": TOKEN})
    assert not (place / "0").exists()
    assert not station.has(ONE)
    assert answer(station, {"do": "read_arrays"}) == {TOKEN: {"0": ONE, "1": TWO}}
    # So whoever clears up finds it.
    assert station.list_handles() == [ONE, TWO]
    for handle in (ONE, TWO):
        station.forget(handle)
    assert (station.list_handles(), place.exists()) == ([], False)
    answer(station, {"do": "empty_array", "array": TOKEN})


def test_an_agent_whose_folder_is_made_again_is_an_element_no_more(station: Station):
    place = prepare(station, ONE, TWO)
    station.prepare(ONE, {"told": "again"})
    assert not (place / "0").is_symlink()
    assert answer(station, {"do": "read_arrays"}) == {TOKEN: {"1": TWO}}
    other = prepare(station, TWO, token="f" * 16)
    assert answer(station, {"do": "read_arrays"}) == {"f" * 16: {"0": TWO}}
    assert (place.exists(), (other / "0").exists()) == (False, True)


def test_what_can_not_be_an_array_leaves_nothing(station: Station, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ValueError, match="no token"):
        prepare(station, ONE, token="../x")
    with pytest.raises(ValueError, match="no handle"):
        prepare(station, "../x")

    def no_links(link: Path, target: str) -> None:
        raise PermissionError(f"{link} -> {target}")

    monkeypatch.setattr(Path, "symlink_to", no_links)
    with pytest.raises(PermissionError):
        prepare(station, ONE, TWO)
    assert station.list_handles() == []
    assert not list(station.place_of(ONE).parents[1].rglob("*/*"))


def test_what_lies_there_and_is_no_link_of_ours_is_let_be(station: Station):
    place = prepare(station, ONE)
    (place / "x").symlink_to("/etc")
    (place / "y").write_text("z")
    assert answer(station, {"do": "read_arrays"}) == {TOKEN: {"0": ONE}}
    station.forget(ONE)
    assert sorted(each.name for each in place.iterdir()) == ["x", "y"]


def test_who_is_released_is_found_without_a_look_at_all_elements(station: Station, monkeypatch):
    place = prepare(station, ONE, TWO)
    monkeypatch.setattr(Path, "glob", lambda *_: pytest.fail("it looks through a folder"))
    station.forget(ONE)
    assert [each.name for each in place.iterdir()] == ["1"]
    station.forget(TWO)
    assert [list(each.iterdir()) for each in place.parents[1].iterdir()] == [[], []]


def test_arrays_of_an_agent_that_noted_no_way_back_are_released_too(station: Station):
    place = prepare(station, ONE, TWO)
    shutil.rmtree(place.parent.with_name("arrays-of"))
    station.forget(TWO)
    assert answer(station, {"do": "read_arrays"}) == {TOKEN: {"0": ONE}}
    prepare(station, TWO, token="f" * 16)
    station.forget(ONE)
    assert (station.list_handles(), place.exists()) == ([TWO], False)
