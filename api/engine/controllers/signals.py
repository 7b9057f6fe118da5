"""Sending signals, and finding who waits for them."""

from litestar import Controller

from api.answers import Answer, json_answer
from api.engine.bodies import Results, Signal
from api.engine.operations import About, Call, page_of, post, worker
from api.engine.rows import signal_row
from api.identity import READ, WORK
from commands.signals import SendSignal
from projections.criteria import SignalSubscriptionCriteria
from projections.signal_subscriptions.projector import READ_MODEL as SIGNAL_SUBSCRIPTIONS
from projections.signal_subscriptions.queries import find_signal_subscriptions
from projections.views import SignalSubscription


class Signals(Controller):
    """``/signals``."""

    path = "/signals"
    tags = ("signals",)

    @post(
        "/",
        operation_id="sendSignal",
        opt={"access": WORK},
        about=About("Send a signal to all that wait for it now", SendSignal, Signal, once=True),
    )
    async def send(self, request: Call) -> Answer:
        command = await request.body(SendSignal)
        outcome = await request.send(command, worker(command.worker_id))
        return json_answer(200, signal_row(outcome.answer), outcome.position)

    @post(
        "/subscriptions/query",
        operation_id="querySignalSubscriptions",
        opt={"access": READ},
        about=About(
            "Find events that wait for signals",
            SignalSubscriptionCriteria,
            Results[SignalSubscription],
            parameters="page",
        ),
    )
    async def subscriptions(self, request: Call) -> Answer:
        page, criteria = request.query.page(), await request.body(SignalSubscriptionCriteria)
        position = await request.caught_up(SIGNAL_SUBSCRIPTIONS)
        rows = await find_signal_subscriptions(request.engine.database, request.caller.tenant, criteria, page)
        return page_of(rows, position)
