"""For those who run a node: is it alive, is it ready, how is it doing."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.identity import PUBLIC
from infra.duties import DutyReport
from infra.following.metrics import observe
from infra.following.standing import Standing
from infra.outages import passes

#: Seconds for a look at the read models: who asks here asks often, and does not wait for long.
LOOK_SECONDS = 1.0


class Readiness(msgspec.Struct, frozen=True, rename="camel"):
    """Whether requests are welcome; ``obstacle`` says why not.

    A role or read model that stands still is named, not hidden: the others go on, and so do requests.
    """

    ready: bool
    obstacle: str
    roles: Sequence[DutyReport]
    read_models: Sequence[Standing]


class Vitals(NamedTuple):
    """How a node is asked how it is doing.

    ``obstacle`` is what stands in its way, no text when nothing does. ``measure`` is asked before figures are shown; it
    is told the obstacle and where the read models stand.
    """

    obstacle: Callable[[], Awaitable[str]]
    roles: Callable[[], Sequence[DutyReport]]
    read_models: Callable[[], Awaitable[Sequence[Standing]]]
    measure: Callable[[str, Sequence[Standing]], Awaitable[None]]


def health_routes(node: Vitals) -> Sequence[HTTPRouteHandler]:
    """Return the routes of a node that says how it is doing."""

    async def seen() -> tuple[str, Sequence[Standing]]:
        """Return what stands in the way and, when nothing does, where the read models stand."""
        why = await node.obstacle()
        if why:
            return why, ()
        return await _in_time(node.read_models())

    @get("/healthz", operation_id="checkHealth", opt={"access": PUBLIC}, tags=["operation"], media_type="text/plain")
    async def healthz() -> str:
        """Answer as long as this process can."""
        return "alive\n"

    @get("/readyz", operation_id="showReadiness", opt={"access": PUBLIC}, tags=["operation"])
    async def readyz() -> Response[Readiness]:
        """Answer 200 when requests are welcome, else 503; both say how roles do and where read models stand."""
        why, standings = await seen()
        return Response(Readiness(not why, why, node.roles(), standings), status_code=503 if why else 200)

    @get("/metrics", operation_id="showMetrics", opt={"access": PUBLIC}, tags=["operation"], media_type="text/plain")
    async def metrics() -> Response[bytes]:
        """Answer in Prometheus' text format."""
        why, standings = await seen()
        observe(standings)
        await _in_time(_measured(node, why, standings))
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [healthz, readyz, metrics]


async def _measured(node: Vitals, why: str, standings: Sequence[Standing]) -> Sequence[Standing]:
    await node.measure(why, standings)
    return standings


async def _in_time(look: Awaitable[Sequence[Standing]]) -> tuple[str, Sequence[Standing]]:
    """Return what a look found; what stands in the way of it where the database does not answer in time."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return "", await look
    except Exception as error:
        if not passes(error):
            raise
        return f"the database does not answer: {error!r}", ()
