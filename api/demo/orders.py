"""What becomes of an order at each step: an order's number alone decides, so that every run tells the same story."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Result(NamedTuple):
    """What a worker reports: done, or the error and how often to try again; ``completion`` as the contract has it."""

    error: str = ""
    retries: int = 0
    completion: Mapping[str, Any] | None = None


class Attempt(NamedTuple):
    """A worker's try at a job: for which order, in which version of the process, and after how many failures."""

    order: int
    version: str
    failures: int


class World:
    """What is outside of the process, and changes while it runs."""

    carrier_is_down = True


DONE = Result()


def outcome(element: str, attempt: Attempt, world: World) -> Result:
    """Return what comes of a job at this element."""
    at = STEPS.get(element)
    return at(attempt, world) if at else DONE


def _check_credit(attempt: Attempt, _world: World) -> Result:
    """Fail once in a while, when the bureau is slow; the second attempt gets through."""
    slow = attempt.order % 10 == 3 and attempt.failures == 0
    return Result("credit bureau did not answer within 5 s", retries=3) if slow else DONE


def _decide(attempt: Attempt, _world: World) -> Result:
    """Decide on every seventh order against the customer."""
    target = "decline_order" if attempt.order % 7 == 0 else NEXT_STEP[attempt.version]
    return Result(completion={"exclusiveGatewayDecision": target})


def _pick_goods(attempt: Attempt, _world: World) -> Result:
    """Fail when goods are missing; version 2 reserves them before, so there are none missing here."""
    missing = attempt.version == "1" and attempt.order % 13 == 5
    return Result(f"out of stock: item {1000 + attempt.order}") if missing else DONE


def _book_carrier(attempt: Attempt, world: World) -> Result:
    """Fail for every fifth order while the carrier's service is down, retries and all."""
    fails = world.carrier_is_down and attempt.order % 5 == 1
    return Result("carrier: 503 service unavailable", retries=2) if fails else DONE


def _send_invoice(attempt: Attempt, _world: World) -> Result:
    """Fail for customers without an address; trying again does not change that."""
    return Result(f"customer {7000 + attempt.order} has no invoice address") if attempt.order % 17 == 4 else DONE


NEXT_STEP = {"1": "split", "2": "reserve_stock"}

STEPS: Mapping[str, Callable[[Attempt, World], Result]] = {
    "check_credit": _check_credit,
    "credit_approved": _decide,
    "pick_goods": _pick_goods,
    "book_carrier": _book_carrier,
    "send_invoice": _send_invoice,
}
