"""The list of deliberate breaks keeps up with the code; `make test-breaks` tries them."""

import pytest

from tests.faults.breaking import README, ROOT, Break, all_breaks

BREAKS = [one for breaks in all_breaks().values() for one in breaks]


@pytest.mark.parametrize("one", BREAKS, ids=lambda one: one.guard[:60])
def test_what_a_break_replaces_stands_in_the_code_once(one: Break) -> None:
    assert (ROOT / one.file).read_text().count(one.old) == 1
    assert one.old != one.new


@pytest.mark.parametrize("one", BREAKS, ids=lambda one: one.guard[:60])
def test_a_break_names_a_test_that_exists_and_stands_in_the_readme(one: Break) -> None:
    file, _, name = one.red.partition("::")
    assert f"def {name.rpartition('::')[2].partition('[')[0]}(" in (ROOT / file).read_text()
    assert f"| {one.guard} | `{one.file}` | `{one.red.removeprefix('tests/')}` |" in README.read_text()
