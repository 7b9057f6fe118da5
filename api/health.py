"""For those who run a node: is it alive, is it ready, how is it doing."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.identity import PUBLIC
from infra.following.metrics import observe
from infra.following.standing import Standing
from infra.outages import passes

#: Seconds for a look at the read models: who asks here asks often, and does not wait for long.
LOOK_SECONDS = 1.0


class Readiness(msgspec.Struct, frozen=True, rename="camel"):
    """Whether requests are welcome; ``obstacle`` says why not. A read model that stands still is named, not hidden."""

    ready: bool
    obstacle: str
    read_models: Sequence[Standing]


def health_routes(
    obstacle: Callable[[], Awaitable[str]], read_models: Callable[[], Awaitable[Sequence[Standing]]]
) -> Sequence[HTTPRouteHandler]:
    """Return the routes of a node that says what stands in its way and where its read models stand."""

    async def seen() -> tuple[str, Sequence[Standing]]:
        """Return what stands in the way and, when nothing does, where the read models stand."""
        why = await obstacle()
        if why:
            return why, ()
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return "", await read_models()
        except Exception as error:
            if not passes(error):
                raise
            return f"the database does not answer: {error!r}", ()

    @get("/healthz", operation_id="checkHealth", opt={"access": PUBLIC}, tags=["operation"], media_type="text/plain")
    async def healthz() -> str:
        """Answer as long as this process can."""
        return "alive\n"

    @get("/readyz", operation_id="showReadiness", opt={"access": PUBLIC}, tags=["operation"])
    async def readyz() -> Response[Readiness]:
        """Answer 200 when requests are welcome, else 503; both say where each read model stands."""
        why, standings = await seen()
        return Response(Readiness(not why, why, standings), status_code=503 if why else 200)

    @get("/metrics", operation_id="showMetrics", opt={"access": PUBLIC}, tags=["operation"], media_type="text/plain")
    async def metrics() -> Response[bytes]:
        """Answer in Prometheus' text format."""
        _, standings = await seen()
        observe(standings)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [healthz, readyz, metrics]
