"""The trace context of a request: read by the rules of W3C Trace Context, or not at all."""

from typing import Any

import pytest

from api.tracing import trace_of

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def read(*values: bytes) -> str | None:
    scope: Any = {"headers": [(b"host", b"x"), *((b"traceparent", value) for value in values)]}
    return trace_of(scope)


def test_a_request_without_a_trace_is_in_none() -> None:
    assert read() is None


def test_a_trace_is_kept_as_it_came() -> None:
    assert read(TRACE) == TRACE.decode()


@pytest.mark.parametrize("later", [b"cc" + TRACE[2:], b"cc" + TRACE[2:] + b"-what-will-be", b"01" + TRACE[2:] + b"-"])
def test_a_trace_of_a_later_version_is_kept_as_version_00(later: bytes) -> None:
    assert read(later) == TRACE.decode()


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"ff" + TRACE[2:],
        TRACE.upper(),
        TRACE[:-1],
        TRACE + b"-more",
        TRACE + b"\n",
        b" " + TRACE,
        TRACE.replace(b"-", b"_"),
        b"00-" + b"0" * 32 + TRACE[35:],
        TRACE[:36] + b"0" * 16 + TRACE[52:],
        b"cc" + TRACE[2:] + b"more",
        b"cc" + TRACE[2:] + b"-" + b"x" * 300,
        b"cc" + TRACE[2:] + b"-\xff\r\n",
    ],
)
def test_a_broken_trace_is_as_good_as_none(broken: bytes) -> None:
    assert read(broken) is None


def test_two_traces_are_as_good_as_none() -> None:
    assert read(TRACE, TRACE) is None
