"""What paths and query strings may say (contracts/engine.md 1.3 and 1.5)."""

from datetime import date

import pytest

from api.engine.parameters import Query, entity_in_path, id_in_path
from api.problems import problem_of
from commands.intents import EntityId
from domain.rejection import InvalidInput
from projections.criteria import Page

UNREADABLE = "HTTP_REQUEST_URI"


def told(refusal: InvalidInput) -> tuple[int, str, str, str]:
    problem = problem_of(refusal)
    return problem.status, problem.type, problem.title, problem.detail


@pytest.mark.parametrize(
    ("query", "page"),
    [
        (b"", Page(1000, 0)),
        (b"limit=0&offset=0", Page(1000, 0)),
        (b"limit=5&offset=7", Page(5, 7)),
        (b"limit=%2B5&offset=007", Page(5, 7)),
        (b"limit=5&limit=9", Page(5, 0)),
        (b"limit=10001", Page(10_000, 0)),
        (b"limit=2147483647&offset=2147483647", Page(10_000, 2_147_483_647)),
        (b"other=1", Page(1000, 0)),
    ],
)
def test_a_page_has_a_thousand_rows_unless_asked_otherwise_and_ten_thousand_at_most(query: bytes, page: Page) -> None:
    assert Query(query).page() == page


@pytest.mark.parametrize("name", ["limit", "offset"])
@pytest.mark.parametrize(
    "value", ["x", "", "1.0", " 1", "1_0", "2147483648", "-2147483649", "9" * 5000, "0x1", "\u0661"]
)
def test_a_page_s_number_that_is_no_int32_cannot_be_parsed(name: str, value: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Query(f"{name}={value.replace(' ', '%20')}".encode()).page()
    status, kind, title, detail = told(caught.value)
    assert (status, kind, title) == (400, UNREADABLE, f"invalid query parameter {name}")
    assert detail.startswith("failed to parse value ")


@pytest.mark.parametrize("name", ["limit", "offset"])
def test_a_page_s_number_is_not_negative(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Query(f"{name}=-1".encode()).page()
    detail = f"{name} -1 must be greater than or equal to 0"
    assert told(caught.value) == (400, "VALIDATION", f"invalid query parameter {name}", detail)


def test_a_position_to_wait_for_is_an_int64() -> None:
    assert Query(b"").min_position() is None
    assert Query(b"minPosition=9223372036854775807").min_position() == 9_223_372_036_854_775_807
    for text in (b"minPosition=9223372036854775808", b"minPosition=-1", b"minPosition="):
        with pytest.raises(InvalidInput):
            Query(text).min_position()


def test_names_come_in_commas_or_one_by_one() -> None:
    assert Query(b"").names() == ()
    assert Query(b"names=a,b&names=c%2Cd").names() == ("a", "b", "c", "d")
    assert Query(b"names=").names() == ("",)
    with pytest.raises(InvalidInput) as caught:
        Query(b"names=a%00").names()
    assert told(caught.value)[:3] == (400, UNREADABLE, "invalid query parameter names")


@pytest.mark.parametrize(("text", "is_set"), [("1", True), ("t", True), ("TRUE", True), ("yes", False), ("", False)])
def test_a_flag_that_cannot_be_read_is_not_set(text: str, is_set: bool) -> None:  # noqa: FBT001  (a parameter of the test)
    assert Query(f"flag={text}".encode()).flag("flag") is is_set
    assert Query(b"").flag("flag") is False


def test_an_entity_is_named_by_its_day_and_number() -> None:
    assert entity_in_path("2026-11-23", "7") == EntityId(date(2026, 11, 23), 7)
    assert entity_in_path("0001-01-01", "2147483647") == EntityId(date(1, 1, 1), 2_147_483_647)


@pytest.mark.parametrize(
    "text", ["x", "2026-1-1", "2026-02-30", "20261123", "2026-W01-1", "", "0000-01-01", "\u0662026-11-23"]
)
def test_a_partition_that_is_no_date_cannot_be_parsed(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        entity_in_path(text, "1")
    assert told(caught.value) == (
        400,
        UNREADABLE,
        "invalid path parameter partition",
        f"failed to parse value '{text}'",
    )


@pytest.mark.parametrize("text", ["x", "1.5", "2147483648", "1e3", "", "\0"])
def test_an_id_that_is_no_int32_cannot_be_parsed(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        id_in_path(text)
    assert told(caught.value) == (400, UNREADABLE, "invalid path parameter id", f"failed to parse value '{text}'")


@pytest.mark.parametrize("text", ["0", "-5", "-2147483648"])
def test_an_id_is_greater_than_zero(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        id_in_path(text)
    assert told(caught.value) == (400, "VALIDATION", "invalid path parameter id", f"ID {text} must be greater than 0")
