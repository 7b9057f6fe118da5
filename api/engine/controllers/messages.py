"""Sending messages, and finding them and who waits for them."""

from litestar import Controller

from api.answers import Answer, json_answer
from api.engine.bodies import Results
from api.engine.operations import About, Call, page_of, post, worker
from api.engine.rows import message_row
from api.identity import READ, WORK
from commands.messages import SendMessage
from projections.criteria import MessageCriteria, MessageSubscriptionCriteria
from projections.message_subscriptions.projector import READ_MODEL as MESSAGE_SUBSCRIPTIONS
from projections.message_subscriptions.queries import find_message_subscriptions
from projections.messages.projector import READ_MODEL as MESSAGES
from projections.messages.queries import find_messages
from projections.views import Message, MessageSubscription


class Messages(Controller):
    """``/messages``."""

    path = "/messages"
    tags = ("messages",)

    @post(
        "/",
        operation_id="sendMessage",
        opt={"access": WORK},
        about=About("Send a message to the one that waits for it", SendMessage, Message, once=True),
    )
    async def send(self, request: Call) -> Answer:
        command = await request.body(SendMessage)
        outcome = await request.send(command, worker(command.worker_id))
        return json_answer(200, message_row(outcome.answer), outcome.position)

    @post(
        "/query",
        operation_id="queryMessages",
        opt={"access": READ},
        about=About("Find messages", MessageCriteria, Results[Message], parameters="page"),
    )
    async def query(self, request: Call) -> Answer:
        page, criteria = request.query.page(), await request.body(MessageCriteria)
        position = await request.caught_up(MESSAGES)
        rows = await find_messages(request.engine.database, request.caller.tenant, criteria, page, request.now)
        return page_of(rows, position)

    @post(
        "/subscriptions/query",
        operation_id="queryMessageSubscriptions",
        opt={"access": READ},
        about=About(
            "Find events that wait for messages",
            MessageSubscriptionCriteria,
            Results[MessageSubscription],
            parameters="page",
        ),
    )
    async def subscriptions(self, request: Call) -> Answer:
        page, criteria = request.query.page(), await request.body(MessageSubscriptionCriteria)
        position = await request.caught_up(MESSAGE_SUBSCRIPTIONS)
        rows = await find_message_subscriptions(request.engine.database, request.caller.tenant, criteria, page)
        return page_of(rows, position)
