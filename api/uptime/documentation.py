"""How uptime's operations are documented: their refusals, each with an example, and the parameters of lists."""

from collections.abc import Mapping

from litestar.openapi.datastructures import ResponseSpec

from api.identity import CHALLENGE
from api.incidents.documentation import number_parameter, refusals
from api.refusals import InvalidAddress, TooManyRequests, Unauthorized, UnsupportedMediaType
from api.uptime.envelope import MOST_ROWS, USUAL_ROWS
from api.uptime.errors import UPTIME_FORM
from domain.identity import INT32_MAX
from domain.incidents.dialects import RefusedMove
from domain.rejection import Cause, Forbidden, InvalidInput, InvalidState, NotFound, Rejection, Unavailable

_UNAUTHORIZED = Unauthorized("a valid credential is required", CHALLENGE)
_FORBIDDEN = Forbidden("access denied", "role viewer does not allow this")
_BUSY = TooManyRequests("the plan's 60 requests of this minute are used up", 17)
_BEHIND = Unavailable("failed to handle request", "the database cannot be reached")
_ALWAYS = (_UNAUTHORIZED, _FORBIDDEN, _BUSY, _BEHIND)

BAD_PARAMETER = InvalidAddress(
    "invalid parameter",
    "parameter limit must be a whole number from 1 to 100",
    [Cause("?limit", "parameter", "1 to 100")],
)
BAD_BODY = InvalidInput(
    "failed to change incident", "fields are invalid", [Cause("#/severity", "oneof", "must be one of critical, major")]
)
NO_INCIDENT = NotFound("failed to read incident", "incident inc_01JDZZZZZZZZZZZZZZZZZZZZZZ could not be found")
NO_MOVE = RefusedMove("resolved", "acknowledged", ("closed",))
CLOSED = InvalidState("failed to change incident", "the incident is closed")
NO_JSON = UnsupportedMediaType("text/plain")

#: Of lists.
PAGING = (
    number_parameter("limit", "rows of a page", USUAL_ROWS, 1, MOST_ROWS),
    number_parameter("offset", "rows before the page", 0, 0, INT32_MAX),
)


def refused(*examples: Rejection) -> Mapping[int, ResponseSpec]:
    """Document the refusals of an operation, beside those that every one of them has."""
    return refusals(UPTIME_FORM, *examples, *_ALWAYS)
