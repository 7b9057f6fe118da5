"""What generated events catch and throw, and who says so: the model, the deployment, or later a worker."""

from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

from domain.bpmn.graph import EventDefinition, Timer
from tests.models.writing import ANY, ERROR_CODES, ESCALATION_CODES, MESSAGES, SIGNALS

#: Events by what happens, in the words of BPMN's tags.
KINDS = ("message", "signal", "timer", "error", "escalation")

#: The language of conditions that the engine evaluates.
LANGUAGE = "https://cel.dev"

#: Variables a and b are set by chance, so a condition may have no answer.
CONDITIONS = ("true", "true", "false", 'a == "1"', 'b != "7"', "a == b")

TIMERS = (
    Timer(duration="PT10S"),
    Timer(duration="PT2M"),
    Timer(duration="P1DT1H"),
    Timer(cycle="*/30 * * * * *"),
    Timer(cycle="@hourly"),
    Timer(time=datetime(2026, 11, 20, 9, 5, tzinfo=UTC)),
    Timer(time=datetime(2026, 11, 21, 12, 0, tzinfo=UTC)),
    Timer(time=datetime(2020, 2, 29, 0, 0, tzinfo=UTC)),
)

_POOLS = {"message": MESSAGES, "signal": SIGNALS, "error": ERROR_CODES, "escalation": ESCALATION_CODES}


class Definition(NamedTuple):
    """How an event is written, and what comes with the deployment if anything."""

    xml: str
    given: EventDefinition | None = None


def define(chance: Random, kind: str, *, catches: bool, asked: bool = True) -> Definition:
    """Define an event of that kind; an event that is not ``asked`` for later is defined at once."""
    given = 0 if kind == "message" and not catches else 2  # a worker sends such messages, under whatever name
    who = chance.choices(("model", "deployment", "worker"), (6, given, 3 if asked else 0))[0]
    if kind == "timer":
        return _timer(chance.choice(TIMERS), who)
    name = chance.choice((*_POOLS[kind], ANY) if catches and kind in ("error", "escalation") else _POOLS[kind])
    return named(kind, name, who)


def named(kind: str, name: str, who: str = "model") -> Definition:
    """Define an event other than a timer by its name or code."""
    if who == "model":
        return Definition(f'<{kind}EventDefinition {kind}Ref="{kind}_{name}"/>')
    return Definition(f"<{kind}EventDefinition/>", _given(kind, name) if who == "deployment" else None)


def _given(kind: str, name: str) -> EventDefinition:
    code = "" if name == ANY else name
    match kind:
        case "message":
            return EventDefinition(message_name=name)
        case "signal":
            return EventDefinition(signal_name=name)
        case "error":
            return EventDefinition(error_code=code)
        case _:
            return EventDefinition(escalation_code=code)


def _timer(timer: Timer, who: str) -> Definition:
    given = EventDefinition(timer=timer) if who == "deployment" else None
    return Definition(f"<timerEventDefinition>{_when(timer) if who == 'model' else ''}</timerEventDefinition>", given)


def _when(timer: Timer) -> str:
    if timer.time is not None:
        return f"<timeDate>{timer.time:%Y-%m-%dT%H:%M:%SZ}</timeDate>"
    if timer.cycle:
        return f"<timeCycle>{timer.cycle}</timeCycle>"
    return f"<timeDuration>{timer.duration}</timeDuration>"
