"""Which form of an answer a client wants most (RFC 9110, 12.5.1)."""

import pytest

from api.media_types import preferred

OFFERED = ("application/json", "application/x-ndjson", "text/csv")


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html, image/png", "application/json"),
        ("text/html,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("Application/X-NDJSON; charset=utf-8", "application/x-ndjson"),
        ("application/json, application/x-ndjson", "application/json"),
        ("application/x-ndjson, application/json", "application/x-ndjson"),
        ("application/x-ndjson, */*", "application/x-ndjson"),
        ("*/*, text/csv", "text/csv"),
        ("text/*", "text/csv"),
        ("application/json;q=0.5, text/csv;q=0.8", "text/csv"),
        ("application/json;q=0.8, text/csv ; q=0.5", "application/json"),
        ("application/x-ndjson;q=0", "application/json"),
        ("application/x-ndjson; Q=0.000, text/csv;q=0", "application/json"),
        ("application/json;q=0", "application/x-ndjson"),
        ("application/json;q=0, */*;q=0.1", "application/x-ndjson"),
        ("application/*;q=0, */*", "text/csv"),
        ("*/*;q=0", "application/json"),
        ("text/csv;q=nonsense", "text/csv"),
        (",,;q=1,", "application/json"),
    ],
)
def test_the_form_that_is_wanted_most_is_chosen(accept: str, form: str) -> None:
    assert preferred(accept, OFFERED) == form
