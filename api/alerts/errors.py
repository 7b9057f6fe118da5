"""How alerts tells errors: ``{"error": <text>}``; a move that is refused is 400 (contracts/incidents.md 0.2, 4.2)."""

from http import HTTPStatus

import msgspec

from api.problems import Error, ErrorForm, Problem
from domain.incidents.dialects import RefusedMove
from domain.rejection import Rejection


class AlertsError(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a request was refused; without a credential ``error`` is ``Unauthorized``, and ``message`` says the rest."""

    error: str
    message: str = ""


def _told(problem: Problem, _refusal: Rejection | None) -> AlertsError:
    if problem.status == HTTPStatus.UNAUTHORIZED:
        return AlertsError("Unauthorized", problem.detail)
    match problem.errors:
        case ():
            return AlertsError(problem.detail)
        case (only,) if only.detail == problem.detail:
            return AlertsError(f"{_place(only)}: {only.detail}")
        case reasons:
            told = "; ".join(f"{_place(reason)} {reason.detail}".strip() for reason in reasons)
            return AlertsError(f"{problem.detail}: {told}")


def _place(error: Error) -> str:
    return error.pointer.lstrip("#/?")


def _status(problem: Problem, refusal: Rejection | None) -> int:
    return HTTPStatus.BAD_REQUEST if isinstance(refusal, RefusedMove) else problem.status


ALERTS_FORM = ErrorForm("application/json", _told, _status)
