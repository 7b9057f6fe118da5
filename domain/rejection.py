"""Refusals: what a command may be answered instead of facts. HTTP codes for them live in ``api`` only.

::

    Rejection
    ├── InvalidInput        the request itself is wrong
    │   ├── InvalidModel    the BPMN model is wrong, or asks for what is not built
    │   └── ReusedKey       the idempotency key came with another request before
    ├── NotFound            nothing of that id is visible to this tenant
    ├── InvalidState        it exists, but not in a state that allows this
    ├── Forbidden           the role or plan does not allow it
    ├── ExecutionFailed     the process cannot go on from here
    └── Unavailable         the log cannot be reached in time; nothing is known to be lost

Every refusal carries a ``title`` (what was tried), a ``detail`` (why not) and may carry ``causes``, each pointing at a
part of the input (contracts/engine.md 1.4).
"""

from collections.abc import Sequence
from typing import NamedTuple


class Cause(NamedTuple):
    """One reason among several: where (a pointer), of which kind, and in words; ``value`` is the offending text."""

    pointer: str
    type: str
    detail: str
    value: str = ""


class Rejection(Exception):
    """A command was refused; nothing was appended."""

    def __init__(self, title: str, detail: str, causes: Sequence[Cause] = ()) -> None:
        super().__init__(f"{title}: {detail}")
        self.title = title
        self.detail = detail
        self.causes = tuple(causes)


class InvalidInput(Rejection):
    """The request itself is wrong."""


class InvalidModel(InvalidInput):
    """The BPMN model is wrong, or asks for what is not built."""


class ReusedKey(InvalidInput):
    """The idempotency key came with another request before."""


class NotFound(Rejection):
    """Nothing of that id is visible to this tenant."""


class InvalidState(Rejection):
    """It exists, but not in a state that allows this."""


class Forbidden(Rejection):
    """The role or plan does not allow it."""


class ExecutionFailed(Rejection):
    """The process cannot go on from here."""


class Unavailable(Rejection):
    """The log cannot be reached in time."""
