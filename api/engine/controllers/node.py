"""The node itself: its clock, and whether it should get requests."""

from litestar import Controller

from api.answers import Answer, json_answer
from api.engine.bodies import Times
from api.engine.operations import About, Call, get, patch
from api.identity import DEPLOYMENT, READINESS
from commands.engine_time import SetTime, TimeAnswer
from domain.rejection import Forbidden
from domain.timestamps import rfc3339

TEXT = "text/plain; charset=utf-8"


class Node(Controller):
    """``/time`` and ``/readiness``."""

    path = "/"
    tags = ("node",)

    @patch(
        "/time",
        operation_id="setTime",
        opt={"access": DEPLOYMENT},
        about=About("Move the engine's time forward, for tests", SetTime, Times, refuses=(403, 409), once=True),
    )
    async def set_time(self, request: Call) -> Answer:
        if not request.engine.set_time_enabled:
            raise Forbidden("failed to set time", "setting the time is not enabled")
        outcome = await request.send(await request.body(SetTime), by=request.caller.actor)
        await request.engine.take_time()
        times: TimeAnswer = outcome.answer
        return json_answer(200, Times(rfc3339(times.new), rfc3339(times.old)), outcome.position)

    @get(
        "/readiness",
        operation_id="checkReadiness",
        opt={"access": READINESS},
        about=About("Tell whether this node should get requests", answer=str, media_type=TEXT),
    )
    async def readiness(self, request: Call) -> Answer:
        obstacle = await request.engine.obstacle()
        return (
            Answer(503, f"{obstacle}\n".encode(), TEXT.encode()) if obstacle else Answer(200, b"ready", TEXT.encode())
        )
