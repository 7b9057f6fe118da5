"""``annals``, but it marks as delivered what it is about to send: the control of tests/faults/deliveries.py."""

import sys

from api.cli import main
from infra.delivery.posting import Answer
from infra.delivery.sending import Attempt, Due, Sender


async def _send(sender: Sender, due: Due) -> None:
    at = sender._wall()
    sender._done(Attempt(due, at, 0.0, Answer("delivered", 204)))
    await sender._answer(due, at)


if __name__ == "__main__":
    setattr(Sender, "_send", _send)  # noqa: B010  (mypy knows that a method is not to be assigned)
    sys.exit(main())
