"""Numbers of things in words."""

import pytest

from api.counting import counted


@pytest.mark.parametrize(("number", "words"), [(0, "0 events"), (1, "1 event"), (2, "2 events"), (1041, "1041 events")])
def test_one_thing_is_told_as_one(number: int, words: str) -> None:
    assert counted(number, "event") == words


@pytest.mark.parametrize(("number", "words"), [(1, "1 row differs"), (2, "2 rows differ")])
def test_what_things_do_is_told_with_them(number: int, words: str) -> None:
    assert counted(number, "row differs", "rows differ") == words
