"""What the fields of a request body have to satisfy (contracts/engine.md 1.4 and 1.5, request bodies).

One table says it for every body. Rules of a field are tried in order and the first that is broken is told; a field
whose rules all hold is looked into when it is a struct or a list of structs.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from commands.batches import CompleteJobs, JobReport, StartProcessInstances
from commands.engine_time import SetTime
from commands.incidents import ResolveIncident
from commands.instances import (
    CancelProcessInstance,
    ResumeProcessInstance,
    StartProcessInstance,
    SuspendProcessInstance,
)
from commands.intents import Data, ElementVariable, ProcessVariable, Tag, Timer
from commands.job_locks import LockJobs, UnlockJobs
from commands.jobs import CalledProcess, CompleteJob, JobCompletion
from commands.messages import SendMessage
from commands.processes import (
    CreateProcess,
    ErrorDefinition,
    EscalationDefinition,
    MessageDefinition,
    SignalDefinition,
    TimerDefinition,
)
from commands.signals import SendSignal
from commands.tasks import ExecuteTasks, UnlockTasks
from commands.user_tasks import UpdateUserTask
from commands.variables import SetElementVariables, SetProcessVariables
from domain.bpmn.cycles import is_cycle
from domain.bpmn.durations import is_duration
from domain.rejection import Cause
from projections.criteria import (
    ElementInstanceCriteria,
    ProcessCriteria,
    ProcessInstanceCriteria,
    TagFilter,
    UserTaskCriteria,
)


class Rule(NamedTuple):
    """``type`` and ``detail`` are the contract's words; ``shown`` renders the offending value, empty for none.

    ``schema`` says the same to readers of the OpenAPI document, where JSON Schema has a word for it.
    """

    type: str
    detail: str
    broken: Callable[[Any], bool]
    shown: Callable[[Any], str]
    schema: Mapping[str, Any] = {}


class Field(NamedTuple):
    """A field by its JSON name, and its rules in the order they are tried."""

    name: str
    attribute: str
    rules: tuple[Rule, ...]


def _field(attribute: str, *rules: Rule) -> Field:
    first, *rest = attribute.split("_")
    return Field(first + "".join(word.title() for word in rest), attribute, rules)


def at_least(minimum: int) -> Rule:
    detail = f"must be greater than or equal to {minimum}"
    return Rule("gte", detail, lambda value: value is not None and value < minimum, str, {"minimum": minimum})


def at_most(maximum: int) -> Rule:
    detail = f"must be less than or equal to {maximum}"
    return Rule("lte", detail, lambda value: value > maximum, str, {"maximum": maximum})


def no_more_than(items: int) -> Rule:
    detail = f"exceeds a maximum of {items}"
    return Rule("max", detail, lambda value: len(value or ()) > items, _as_go_prints, {"maxItems": items})


def no_longer_than(characters: int) -> Rule:
    detail = f"exceeds a maximum of {characters}"
    return Rule(
        "max",
        detail,
        lambda value: len(value) > characters,
        lambda value: str(value[:characters]),
        {"maxLength": characters},
    )


def _name_rule(kind: str) -> Rule:
    pattern = "^[a-zA-Z0-9_-]+$"
    matches = re.compile(pattern[:-1] + r"\Z").match
    return Rule(kind, f"must match regex {pattern}", lambda value: matches(value) is None, str, {"pattern": pattern})


def _as_go_prints(value: Any) -> str:
    """Render a value as the reference does: ``[1 2]``, ``{name value}``, ``true``, ``<nil>``."""
    match value:
        case tuple():
            return f"[{' '.join(map(_as_go_prints, value))}]"
        case msgspec.Struct():
            return f"{{{' '.join(map(_as_go_prints, msgspec.structs.astuple(value)))}}}"
        case None:
            return "<nil>"
        case bool():
            return str(value).lower()
        case _:
            return str(value)


def _nothing(_value: Any) -> str:
    return ""


def _says_no_time(timer: Timer) -> bool:
    return timer.time is None and not timer.time_cycle and not timer.time_duration


REQUIRED = Rule("required", "is required", lambda value: not value, _nothing)
UNIQUE = Rule(
    "unique", "must be unique", lambda value: len(set(value)) < len(value), _as_go_prints, {"uniqueItems": True}
)
CRON = Rule("cron", "is invalid", lambda value: bool(value) and not is_cycle(value), str)
DURATION = Rule(
    "iso8601_duration",
    "is invalid",
    lambda value: bool(value) and not is_duration(value),
    str,
    {"pattern": r"^(P(?=[0-9T])([0-9]+Y)?([0-9]+M)?([0-9]+W)?([0-9]+D)?(T(?=[0-9])([0-9]+H)?([0-9]+M)?([0-9]+S)?)?)?$"},
)
TAG_NAME = _name_rule("tag_name")
VARIABLE_NAME = _name_rule("variable_name")
TIMER = Rule("timer", "must specify a time, time cycle or time duration", _says_no_time, _nothing)
HUNDRED = no_more_than(100)
#: How many items a request may have whose items are commands, and a multi-instance activity that a job gives them to;
#: the contract knows neither.
THOUSAND = no_more_than(1000)
#: For what names, labels or keys something. The contract knows no such limit, but an index does (2,700 bytes a row in
#: PostgreSQL), and rows of these texts lie in memory by the page.
SHORT = no_longer_than(255)

_WORKER = _field("worker_id", REQUIRED, SHORT)
_BY_WORKER = (_WORKER,)
_TIMER = (_field("time"), _field("time_cycle", CRON), _field("time_duration", DURATION))
_TAG = (_field("name", REQUIRED, SHORT, TAG_NAME), _field("value", SHORT))
_COMPLETE_JOB = (
    _field("completion"),
    _field("element_variables", HUNDRED),
    _field("process_variables", HUNDRED),
    _field("retry_limit", at_least(0)),
    _field("retry_timer", DURATION),
    _WORKER,
)
_ITEMS = _field("items", REQUIRED, THOUSAND)
_SET_VARIABLES = (_field("variables", HUNDRED), _WORKER)

RULES: Mapping[type[msgspec.Struct], tuple[Field, ...]] = {
    Tag: _TAG,
    TagFilter: (_field("name", REQUIRED, TAG_NAME),),
    Data: (_field("encoding", REQUIRED, SHORT), _field("value", REQUIRED)),
    ProcessVariable: (_field("name", REQUIRED, SHORT, VARIABLE_NAME), _field("data")),
    ElementVariable: (_field("name", REQUIRED, SHORT, VARIABLE_NAME), _field("data")),
    Timer: _TIMER,
    CreateProcess: (
        _field("bpmn_process_id", REQUIRED, SHORT),
        _field("bpmn_xml", REQUIRED),
        _field("errors", HUNDRED),
        _field("escalations", HUNDRED),
        _field("messages", HUNDRED),
        _field("parallelism", at_least(0)),
        _field("signals", HUNDRED),
        _field("tags", HUNDRED),
        _field("timers", HUNDRED),
        _field("version", REQUIRED, SHORT),
        _WORKER,
    ),
    ErrorDefinition: (_field("bpmn_element_id", REQUIRED),),
    EscalationDefinition: (_field("bpmn_element_id", REQUIRED),),
    MessageDefinition: (_field("bpmn_element_id", REQUIRED), _field("message_name", REQUIRED)),
    SignalDefinition: (_field("bpmn_element_id", REQUIRED), _field("signal_name", REQUIRED)),
    TimerDefinition: (_field("bpmn_element_id", REQUIRED), _field("timer", REQUIRED, TIMER)),
    StartProcessInstance: (
        _field("bpmn_process_id", REQUIRED, SHORT),
        _field("correlation_key", SHORT),
        _field("tags", HUNDRED),
        _field("variables", HUNDRED),
        _field("version", REQUIRED, SHORT),
        _WORKER,
    ),
    StartProcessInstances: (_ITEMS,),
    SuspendProcessInstance: _BY_WORKER,
    ResumeProcessInstance: _BY_WORKER,
    CancelProcessInstance: _BY_WORKER,
    LockJobs: (
        _field("process_ids", HUNDRED, UNIQUE),
        _field("limit", at_least(1), at_most(1000)),
        _field("lock_timeout", DURATION),
        _field("request_timeout", at_least(0), at_most(60_000)),
        _WORKER,
    ),
    UnlockJobs: _BY_WORKER,
    CompleteJob: _COMPLETE_JOB,
    JobReport: (_field("id", REQUIRED, at_least(1)), _field("partition", REQUIRED), *_COMPLETE_JOB),
    CompleteJobs: (_ITEMS,),
    JobCompletion: (
        _field("called_process"),
        _field("loop_cardinality", at_least(0)),
        _field("loop_items", THOUSAND),
        _field("timer"),
    ),
    CalledProcess: (_field("tags", HUNDRED), _field("variables", HUNDRED)),
    ExecuteTasks: (_field("limit", at_least(1), at_most(100)),),
    UnlockTasks: (_field("engine_id", REQUIRED, SHORT),),
    ResolveIncident: (_field("retry_timer", DURATION), _WORKER),
    SendMessage: (
        _field("correlation_key", REQUIRED, SHORT),
        _field("expiration_timer"),
        _field("name", REQUIRED, SHORT),
        _field("unique_key", SHORT),
        _field("variables", HUNDRED),
        _WORKER,
    ),
    SendSignal: (_field("name", REQUIRED, SHORT), _field("variables", HUNDRED), _WORKER),
    UpdateUserTask: (
        _field("revision", REQUIRED, at_least(1)),
        _field("element_variables", HUNDRED),
        _field("process_variables", HUNDRED),
        _field("tags", HUNDRED),
        _WORKER,
    ),
    SetProcessVariables: _SET_VARIABLES,
    SetElementVariables: _SET_VARIABLES,
    SetTime: _TIMER,
    ProcessCriteria: (_field("tags", HUNDRED),),
    ProcessInstanceCriteria: (_field("tags", HUNDRED),),
    UserTaskCriteria: (_field("tags", HUNDRED),),
    ElementInstanceCriteria: (_field("states", no_more_than(7), UNIQUE),),
}


def violations(body: msgspec.Struct, pointer: str = "#") -> Iterator[Cause]:
    """Yield, for each field that breaks a rule, the first one it breaks."""
    for name, attribute, rules in RULES.get(type(body), ()):
        value = getattr(body, attribute)
        for rule in rules:
            if rule.broken(value):
                yield Cause(f"{pointer}/{name}", rule.type, rule.detail, rule.shown(value))
                break
        else:
            if value:
                yield from _violations_inside(value, f"{pointer}/{name}")


def _violations_inside(value: Any, pointer: str) -> Iterator[Cause]:
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _violations_inside(item, f"{pointer}/{index}")
    elif isinstance(value, msgspec.Struct):
        yield from violations(value, pointer)
