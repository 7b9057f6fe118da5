"""No log line holds a secret, and none looks like two."""

import logging
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import pytest
import structlog

from infra.redaction import MASK, name_request, redact
from infra.requests import CURRENT, OpenRequest
from infra.settings import LogLevel, Settings
from infra.telemetry import configure_logging

MARKER = "marker7f3a"


def redacted(**line: Any) -> Any:
    return redact(None, "info", line)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"no key ann_01J9Z_{MARKER}", "no key ann_01J9Z_***"),
        (f"signed with whsec_{MARKER}+/=", "signed with whsec_***"),
        (f"token eyJ{MARKER}.eyJ.{MARKER}", "token ***"),
        (f"Authorization: Bearer {MARKER}", "Authorization: Bearer ***"),
        (f"authorization: basic {MARKER}==", "authorization: basic ***"),
        (f"cannot reach postgresql://annals:{MARKER}@db:5432/annals", "cannot reach postgresql://***@db:5432/annals"),
        (f"redis://:{MARKER}@cache/0 is gone", "redis://***@cache/0 is gone"),
        (f"host=db password={MARKER} user=annals", "host=db password=*** user=annals"),
        (f"/v1/incidents?api_key={MARKER}&limit=5", "/v1/incidents?api_key=***&limit=5"),
        ("https://example.com/a@b and 12:30@noon", "https://example.com/a@b and 12:30@noon"),
    ],
)
def test_what_looks_like_a_secret_is_masked_wherever_it_stands(text: str, shown: str) -> None:
    assert redacted(event=text) == {"event": shown}
    assert redacted(event="x", causes=[{"detail": text}, (text,)])["causes"] == [{"detail": shown}, [shown]]
    assert MARKER not in redacted(event="x", error=ValueError(text))["error"]


@pytest.mark.parametrize(
    "piece", ["a", "a+", "a:", "eyJ-", "eyJa.", "a://", "://a:", "http://a:b", "ann_a", "basic ", " "]
)
def test_no_text_takes_longer_than_it_is_long(piece: str) -> None:
    text = (piece * 100_000)[:100_000]
    began = perf_counter()
    redacted(event=text)
    redacted(event=f"http://{text}")
    assert perf_counter() - began < 1


@pytest.mark.parametrize(
    "name", ["authorization", "Cookie", "jwt_secret", "password", "apiKey", "api_key", "signature", "access_token"]
)
def test_members_with_the_name_of_a_secret_are_masked(name: str) -> None:
    assert redacted(**{name: MARKER}) == {name: MASK}
    assert redacted(headers={name: MARKER, "accept": "*/*"})["headers"] == {name: MASK, "accept": "*/*"}


def test_a_line_stays_one_line() -> None:
    line = redacted(event="a\r\nb\u2028c\x1b[2J", path="/x\x85y")
    assert line == {"event": "a\\r\\nb\\u2028c\\x1b[2J", "path": "/x\\x85y"}


def test_numbers_and_nothing_stay_what_they_are() -> None:
    assert redacted(event="x", n=1, share=0.5, well=True, none=None) == {
        "event": "x",
        "n": 1,
        "share": 0.5,
        "well": True,
        "none": None,
    }


def test_a_line_says_for_which_request_it_was_written() -> None:
    request = OpenRequest(b"r-1")
    token = CURRENT.set(request)
    try:
        assert name_request(None, "info", {"event": "x"}) == {"event": "x", "request_id": "r-1"}
        request.correlation_id = "c-1"
        assert name_request(None, "info", {"event": "x"})["correlation_id"] == "c-1"
    finally:
        CURRENT.reset(token)
    assert name_request(None, "info", {"event": "x"}) == {"event": "x"}


@pytest.fixture
def logging_restored() -> Iterator[None]:
    kept, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        structlog.configure(**kept)
        root.handlers[:] = handlers
        root.setLevel(level)


@pytest.mark.usefixtures("logging_restored")
@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("level", ["debug", "warning"])
def test_lines_of_ours_and_of_libraries_and_their_tracebacks_are_masked(
    form: Any, level: LogLevel, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(Settings(log_format=form, log_level=level))
    try:
        int(f"postgresql://annals:{MARKER}@db/annals")
    except ValueError as error:
        structlog.get_logger().error("failed\nlevel=fake", exc_info=error, password=MARKER)
        logging.getLogger("a library").warning("Bearer %s", MARKER, exc_info=error)
    said = capsys.readouterr().err
    assert said.count("Traceback") == 2
    assert MARKER not in said
    assert "failed\nlevel" not in said
