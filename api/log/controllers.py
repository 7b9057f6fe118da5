"""``/events``: the log for whoever follows it, and ``/asyncapi.json``, which describes it."""

from typing import Any

from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.answers import json_bytes
from api.identity import AUDIT, PUBLIC
from api.log.asyncapi import asyncapi_document
from api.log.documentation import (
    EVENT,
    PAGE,
    PAGE_HEADERS,
    REFUSALS,
    STREAM,
    UNKNOWN_EVENT,
    UNKNOWN_TYPE,
    EventExample,
    OfPages,
    OfStream,
    PageExample,
)
from api.log.following import LogFeed
from api.log.stream import EventStream
from api.log.telling import CLOUD_EVENT
from api.log.types import EventTypes, event_types, schema_of
from domain.access.caller import Caller
from domain.rejection import NotFound

SCHEMA_TYPE = "application/schema+json"


class Events(Controller):
    """The events of the caller's tenant."""

    path = "/events"
    tags = ("events",)

    @get(
        operation_id="listEvents",
        opt={"access": AUDIT},
        operation_class=OfPages,
        responses={**REFUSALS, **PAGE},
        response_headers=PAGE_HEADERS,
        summary="Read events after a position",
    )
    async def show(
        self, request: Request[Caller, object, State], log_feed: NamedDependency[LogFeed]
    ) -> Response[PageExample]:
        """Answer with a page; `next` goes on after it, past whatever the filters left out. Positions have no gaps."""
        return await log_feed.page(request)

    @get(
        "/stream",
        operation_id="streamEvents",
        opt={"access": AUDIT},
        operation_class=OfStream,
        responses={**REFUSALS, **STREAM},
        summary="Listen to events as they come",
    )
    async def stream(self, request: Request[Caller, object, State], log_feed: NamedDependency[LogFeed]) -> EventStream:
        """Send the events after a position, then new ones as they come. A last event `end` says why it is over."""
        return await log_feed.stream(request)

    @get(
        "/{position:str}",
        operation_id="getEvent",
        opt={"access": AUDIT},
        media_type=CLOUD_EVENT,
        responses={**UNKNOWN_EVENT, **EVENT},
        summary="Get the event at a position",
    )
    async def event(
        self, position: FromPath[str], request: Request[Caller, object, State], log_feed: NamedDependency[LogFeed]
    ) -> Response[EventExample]:
        """Answer with what `cause` of a history, and whoever noted a position, leads to."""
        return await log_feed.event(request, position)

    @get(
        "/types",
        operation_id="listEventTypes",
        opt={"access": PUBLIC},
        summary="List the types of events",
        response_description="Every type with the schema of its data",
    )
    async def types(self) -> Response[EventTypes]:
        """Tell what each event means. Members that have their default are left out of an event's data."""
        return _told(event_types())

    @get(
        "/types/{type:str}",
        operation_id="getEventType",
        opt={"access": PUBLIC},
        media_type=SCHEMA_TYPE,
        responses=UNKNOWN_TYPE,
        summary="Get the schema of a type of events",
        response_description="A JSON Schema of the event's data",
    )
    async def type(self, type: FromPath[str]) -> Response[dict[str, object]]:  # noqa: A002  (as CloudEvents has it)
        """Answer with what `dataschema` of an event leads to."""
        schema = schema_of(type)
        if schema is None:
            raise NotFound("failed to find type", f"there is no type {type}")
        return _told(schema, SCHEMA_TYPE)


@get(
    "/asyncapi.json",
    operation_id="showAsyncApi",
    opt={"access": PUBLIC},
    tags=["events"],
    summary="Show the AsyncAPI document of the feed",
    response_description="An AsyncAPI 3.0 document",
)
async def asyncapi() -> Response[dict[str, object]]:
    """Describe the feed for tools that generate clients."""
    return _told(asyncapi_document())


def _told(body: Any, media_type: str = "application/json") -> Response[Any]:
    return Response(json_bytes(body), media_type=media_type)
