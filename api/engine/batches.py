"""Answering requests whose items are commands: each item has an answer of its own."""

from collections.abc import Callable
from typing import Any, TypeVar

import structlog

from api.answers import Answer, json_answer
from api.engine.bodies import Results
from api.problems import UNEXPECTED, Problem, problem_of
from commands.batches import BatchOutcome
from commands.handling import Outcome
from domain.rejection import Rejection, Unavailable
from infra.codec import unknown_topic
from infra.outages import passes

log = structlog.get_logger(__name__)

Item = TypeVar("Item")


def batch_answer(batch: BatchOutcome, done: Callable[[Any], Item], refused: Callable[[Problem], Item]) -> Answer:
    """Answer with what became of each item; raise ``Unavailable`` when the log could be reached for none of them.

    ``done`` makes an item of a command's answer, ``refused`` one of a problem.
    """
    refusals = [_refusal(item) for item in batch.items]
    if all(isinstance(refusal, Unavailable) for refusal in refusals):
        raise next(filter(None, refusals))
    items = [
        done(item.answer) if isinstance(item, Outcome) else refused(_problem(item, refusal))
        for item, refusal in zip(batch.items, refusals, strict=True)
    ]
    return json_answer(200, Results(len(items), items), batch.position)


def _refusal(item: Outcome | Exception) -> Rejection | None:
    """Return why an item was refused; None for what was done, and for an error that nobody foresaw."""
    if isinstance(item, Rejection):
        return item
    if isinstance(item, Exception) and passes(item):
        return Unavailable("failed to handle item", "the database cannot be reached")
    if isinstance(item, Exception) and (unknown := unknown_topic(item)) is not None:
        return Unavailable("failed to handle item", str(unknown))
    return None


def _problem(error: Exception, refusal: Rejection | None) -> Problem:
    if refusal is None:
        log.error("item failed", exc_info=error)
        return UNEXPECTED
    return problem_of(refusal)
