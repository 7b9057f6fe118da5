"""Every refusal is told as a problem, in one place (contracts/engine.md 1.4, decisions 6 and 7)."""

from collections.abc import Iterator

import pytest

from api import refusals
from api.problems import KINDS, kind_of, problem_of
from api.refusals import InvalidBody, MethodNotAllowed, TooManyRequests, Unauthorized, UnknownPath
from domain.rejection import Cause, InvalidModel, InvalidState, Rejection, Unavailable
from infra.reading import ReadModelBehind


def refusals_below(kind: type[Rejection]) -> Iterator[type[Rejection]]:
    for child in kind.__subclasses__():
        yield child
        yield from refusals_below(child)


@pytest.mark.parametrize("refusal", set(refusals_below(Rejection)), ids=lambda refusal: refusal.__name__)
def test_every_refusal_has_a_status_and_a_type(refusal: type[Rejection]) -> None:
    assert 400 <= kind_of(refusal).status < 600


def test_the_refusals_of_http_alone_are_all_in_the_table() -> None:
    own = {kind for kind in vars(refusals).values() if isinstance(kind, type) and kind.__module__ == refusals.__name__}
    assert own <= set(KINDS)


@pytest.mark.parametrize(
    ("refusal", "status", "kind", "headers"),
    [
        (InvalidBody("no"), 400, "HTTP_REQUEST_BODY", {}),
        (InvalidModel("t", "d"), 422, "PROCESS_MODEL", {}),
        (InvalidState("t", "d"), 409, "CONFLICT", {}),
        (UnknownPath("/x"), 404, "NOT_FOUND", {}),
        (MethodNotAllowed("GET", "POST"), 405, "METHOD_NOT_ALLOWED", {"Allow": "POST"}),
        (Unauthorized("d", "Bearer"), 401, "UNAUTHORIZED", {"WWW-Authenticate": "Bearer"}),
        (TooManyRequests("d", 17), 429, "TOO_MANY_REQUESTS", {"Retry-After": "17"}),
        (Unavailable("t", "d"), 503, "UNAVAILABLE", {"Retry-After": "1"}),
    ],
)
def test_a_refusal_is_told_with_its_status_type_and_headers(
    refusal: Rejection, status: int, kind: str, headers: dict[str, str]
) -> None:
    problem = problem_of(refusal)
    assert (problem.status, problem.type) == (status, kind)
    assert (problem.title, problem.detail) == (refusal.title, refusal.detail)
    assert kind_of(type(refusal)).headers(refusal) == headers


def test_a_read_model_that_is_far_behind_says_itself_when_to_come_back() -> None:
    refusal = ReadModelBehind("jobs", "has stopped", retry_after=10)
    assert kind_of(type(refusal)).headers(refusal) == {"Retry-After": "10"}


def test_causes_become_errors_each_with_its_pointer() -> None:
    problem = problem_of(
        InvalidModel("t", "d", [Cause("/p/e", "element", "not supported"), Cause("/p", "x", "y", "z")])
    )
    assert [(error.pointer, error.type, error.detail, error.value) for error in problem.errors] == [
        ("/p/e", "element", "not supported", ""),
        ("/p", "x", "y", "z"),
    ]
