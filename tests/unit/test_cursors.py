"""Cursors lead on in the list that they were made for, for a day, and nowhere else (contracts/incidents.md 0.6)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest

from api.incidents.cursors import Cursors, Place
from api.refusals import InvalidAddress
from infra.secret_key import SecretKey

NOW = datetime(2026, 11, 23, 9, 15, 10, 710_000, UTC)
PLACE = Place(datetime(2026, 11, 20, 23, 59, 59, 999_000, UTC), "01JD8QZ2N3W4X5Y6Z7A8B9C0D1")
SIGN = SecretKey(("pepper",)).fingerprint
MADE = Cursors(SIGN, b"a list", NOW)


def refused(cursors: Cursors, text: str) -> str:
    with pytest.raises(InvalidAddress) as caught:
        cursors.place(text)
    return caught.value.detail


@pytest.mark.parametrize(
    "created_at",
    [PLACE.created_at, datetime(1969, 7, 20, 20, 17, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)],
)
def test_a_cursor_leads_to_its_place_to_the_microsecond(created_at: datetime) -> None:
    place = Place(created_at, PLACE.incident)
    assert MADE.place(MADE.at(place)) == place


def test_a_cursor_can_stand_in_an_address_as_it_is() -> None:
    for millisecond in range(1000):
        cursor = MADE.at(Place(PLACE.created_at + timedelta(milliseconds=millisecond), PLACE.incident))
        assert cursor.replace("-", "").replace("_", "").isalnum()


def test_a_cursor_changed_in_any_character_is_refused() -> None:
    cursor = MADE.at(PLACE)
    for index, character in enumerate(cursor):
        for other in "AB-_z0=!\0":
            if other != character:
                changed = cursor[:index] + other + cursor[index + 1 :]
                assert refused(MADE, changed) == "parameter cursor was not made for this list"


def test_a_cursor_with_a_later_time_or_another_place_written_into_it_is_refused() -> None:
    raw = urlsafe_b64decode(MADE.at(PLACE))
    for start, end in ((0, 8), (8, 16), (16, 42), (42, 60)):
        forged = raw[:start] + bytes(byte ^ 1 for byte in raw[start:end]) + raw[end:]
        assert "not made" in refused(MADE, urlsafe_b64encode(forged).decode())


@pytest.mark.parametrize("text", ["", "x", "A" * 79, "A" * 80, "A" * 81, "é" * 80, "\n" * 80, "=" * 80, "A" * 100_000])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    assert "not made" in refused(MADE, text)


@pytest.mark.parametrize("end", ["\n", " ", "=", "A"])
def test_nothing_may_hang_on_to_a_cursor(end: str) -> None:
    assert "not made" in refused(MADE, MADE.at(PLACE) + end)


def test_a_cursor_of_another_list_or_another_deployment_is_refused() -> None:
    for others in (MADE._replace(subject=b"another list"), MADE._replace(fingerprint=SecretKey(("salt",)).fingerprint)):
        assert "not made" in refused(MADE, others.at(PLACE))


def test_a_cursor_can_be_used_for_24_hours_and_no_longer() -> None:
    cursor = MADE._replace(now=NOW.replace(microsecond=0)).at(PLACE)
    last = NOW.replace(microsecond=0) + timedelta(hours=24)
    assert MADE._replace(now=last).place(cursor) == PLACE
    assert refused(MADE._replace(now=last + timedelta(milliseconds=1)), cursor) == "parameter cursor has expired"


def test_a_cursor_of_a_node_whose_clock_is_ahead_is_taken() -> None:
    assert MADE._replace(now=NOW - timedelta(minutes=5)).place(MADE.at(PLACE)) == PLACE
