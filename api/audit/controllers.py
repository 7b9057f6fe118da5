"""``/audit``: who did what to what, and the head of the chain of hashes."""

from typing import Any, NamedTuple

from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency

from api.answers import json_bytes
from api.audit.documentation import HEAD, PAGE, PAGE_HEADERS, REFUSALS, OfAudit
from api.audit.entries import AuditPage, audit_entry
from api.audit.exporting import Export, Wish
from api.audit.forms import FORMS
from api.audit.heads import AuditHead, head_as_told
from api.audit.parameters import DEFAULT_LIMIT, JSON, MOST_ENTRIES, NAMES, AuditParameters
from api.identity import AUDIT
from api.log.following import credential_of
from api.log.seats import Seats
from api.log.telling import NEXT, POSITION
from domain.access.caller import Caller
from infra.audit.heads import chained_head
from infra.audit.trail import BOUNDS, Trail
from projections.database import Database


class Auditing(NamedTuple):
    """What requests to the audit need; ``seats`` are those of exports."""

    database: Database
    trail: Trail
    seats: Seats

    async def answer(self, request: Request[Caller, Any, Any]) -> Response[Any] | Export:
        """Answer with a page of the caller's tenant, or with all of it in lines."""
        asked = AuditParameters(request.scope["query_string"])
        asked.only(NAMES)
        form = asked.form(request.headers.get("accept", ""))
        wish = Wish(asked.asked(request.user.tenant), asked.after(), asked.most(), credential_of(request.user))
        if form != JSON:
            return Export(self.trail, wish, FORMS[form], self.seats)
        limit = asked.number("limit", DEFAULT_LIMIT, 1, MOST_ENTRIES)
        page = await self.trail.page(wish.asked, wish.after, BOUNDS._replace(facts=limit))
        headers = {NEXT: str(page.next), POSITION: str(page.head), "Cache-Control": "no-store"}
        told = AuditPage([audit_entry(deed) for deed in page.deeds], page.next)
        return Response(json_bytes(told), media_type="application/json", headers=headers)


class Audit(Controller):
    """The deeds of the caller's tenant."""

    path = "/audit"
    tags = ("audit",)

    @get(
        operation_id="listAudit",
        opt={"access": AUDIT},
        operation_class=OfAudit,
        responses={**REFUSALS, **PAGE},
        response_headers=PAGE_HEADERS,
        summary="Read who did what to what",
    )
    async def show(
        self, request: Request[Caller, object, State], auditing: NamedDependency[Auditing]
    ) -> Response[AuditPage]:
        """Answer with a page of entries; as lines of JSON or CSV with all of them, of whatever length that is."""
        answer: Any = await auditing.answer(request)
        return answer  # type: ignore[no-any-return]  # an export is a response to Litestar too

    @get(
        "/head",
        operation_id="showAuditHead",
        opt={"access": AUDIT},
        responses={**REFUSALS, **HEAD},
        summary="Show the head of the chain of hashes",
    )
    async def head(
        self, request: Request[Caller, object, State], auditing: NamedDependency[Auditing]
    ) -> Response[AuditHead]:
        """Answer with the hash of all history, to be kept where nobody can change it."""
        AuditParameters(request.scope["query_string"]).only(())
        told = head_as_told(await chained_head(auditing.database))
        return Response(told, headers={"Cache-Control": "no-store"})
