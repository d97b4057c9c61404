"""No file, function, class or signature grows past what a reader can hold."""

from scripts.shape import BUDGETS, FILE, all_sizes, sizes_of


def test_nothing_is_over_its_budget():
    assert [size for size in all_sizes() if size.is_breach] == []


def test_all_kinds_of_size_are_measured():
    assert {size.budget for size in all_sizes()} == set(BUDGETS)


def test_a_file_over_its_budget_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr("scripts.shape.SOURCES", tmp_path / "runyard")
    (tmp_path / "runyard").mkdir()
    long_file = tmp_path / "runyard" / "long.py"
    long_file.write_text("ONE = 1\n" * (FILE.most + 1))
    assert [size.is_breach for size in sizes_of(long_file)] == [True]


def test_a_docstring_does_not_count_into_a_function(tmp_path, monkeypatch):
    monkeypatch.setattr("scripts.shape.SOURCES", tmp_path / "runyard")
    (tmp_path / "runyard").mkdir()
    documented = tmp_path / "runyard" / "documented.py"
    documented.write_text('def f(a, *, b):\n    """One.\n\n    Two.\n    """\n    return a\n')
    assert [size.value for size in sizes_of(documented)] == [6, 2, 2]
