"""The envelope around what uptime answers: success, the data, and of lists the page (contracts/incidents.md 3.7)."""

from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from litestar import Response
from msgspec import UNSET, UnsetType

from api.incidents.answering import answered
from api.incidents.parameters import Parameters
from domain.identity import INT32_MAX

Data = TypeVar("Data")

MOST_ROWS, USUAL_ROWS = 100, 20


class Pagination(msgspec.Struct, frozen=True, rename="camel"):
    """Where a page stands in the list; pages count from 1."""

    total: int
    page: int
    page_size: int
    total_pages: int
    has_next: bool
    has_previous: bool


class Success(msgspec.Struct, Generic[Data], frozen=True, kw_only=True):
    """What was asked for; ``pagination`` where that is a list."""

    success: bool = True
    data: Data
    pagination: Pagination | UnsetType = UNSET


class Window(NamedTuple):
    """The rows of a list that are asked for."""

    limit: int
    offset: int

    def of(self, total: int) -> Pagination:
        """Say which page this is: the one that its first row is on."""
        return Pagination(
            total=total,
            page=self.offset // self.limit + 1,
            page_size=self.limit,
            total_pages=-(-total // self.limit),
            has_next=self.offset + self.limit < total,
            has_previous=self.offset > 0,
        )


def window(parameters: Parameters) -> Window:
    """Read ``limit`` and ``offset``."""
    return Window(parameters.number("limit", USUAL_ROWS, 1, MOST_ROWS), parameters.number("offset", 0, 0, INT32_MAX))


def succeeded(
    data: Any, position: int, *, status: int = 200, pagination: Pagination | UnsetType = UNSET
) -> Response[Any]:
    """Answer with data that reflects this position of the log."""
    return answered(Success(data=data, pagination=pagination), position, status)
