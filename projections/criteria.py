"""What clients of the engine may ask for (contracts/engine.md 1.5, criteria): each struct is the body of a query.

Every member is an equality filter; one that has its default is no filter. Several filters, and several tags, all have
to hold.
"""

from datetime import date

import msgspec

from domain.bpmn.events import InstanceState, TaskType
from domain.identity import Int32, Int64

#: Rows of a page when the client does not say how many, and at most (contracts/engine.md 1.3 and decision 8).
DEFAULT_ROWS = 1_000
MOST_ROWS = 10_000


class Page(msgspec.Struct, frozen=True):
    """Which rows of the answer: up to ``limit`` (1..10,000) after the first ``offset``."""

    limit: int = DEFAULT_ROWS
    offset: int = 0


class Criteria(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A query's body."""


class TagFilter(Criteria, frozen=True):
    """Rows that have a tag of this name and, unless it is empty, this value."""

    name: str = ""
    value: str = ""


class ProcessCriteria(Criteria, frozen=True):
    id: Int32 = 0
    tags: tuple[TagFilter, ...] = ()


class ElementCriteria(Criteria, frozen=True):
    process_id: Int32 = 0
    bpmn_element_id: str = ""


class ProcessInstanceCriteria(Criteria, frozen=True):
    """``root_id`` finds all instances below a root, and the root itself."""

    partition: date | None = None
    id: Int32 = 0
    parent_id: Int32 = 0
    root_id: Int32 = 0
    process_id: Int32 = 0
    tags: tuple[TagFilter, ...] = ()


class ElementInstanceCriteria(Criteria, frozen=True):
    partition: date | None = None
    id: Int32 = 0
    parent_id: Int32 = 0
    process_id: Int32 = 0
    process_instance_id: Int32 = 0
    bpmn_element_id: str = ""
    states: tuple[InstanceState, ...] = ()


class JobCriteria(Criteria, frozen=True):
    partition: date | None = None
    id: Int32 = 0
    element_id: Int32 = 0
    element_instance_id: Int32 = 0
    process_id: Int32 = 0
    process_instance_id: Int32 = 0


class TaskCriteria(Criteria, frozen=True):
    partition: date | None = None
    id: Int32 = 0
    element_id: Int32 = 0
    element_instance_id: Int32 = 0
    process_id: Int32 = 0
    process_instance_id: Int32 = 0
    type: TaskType | None = None


class UserTaskCriteria(Criteria, frozen=True):
    partition: date | None = None
    id: Int32 = 0
    element_instance_id: Int32 = 0
    process_id: Int32 = 0
    process_instance_id: Int32 = 0
    tags: tuple[TagFilter, ...] = ()


class MessageCriteria(Criteria, frozen=True):
    """``exclude_expired`` keeps the messages that have not expired yet, or never do while they are correlated."""

    id: Int64 = 0
    exclude_expired: bool = False
    name: str = ""


class MessageSubscriptionCriteria(Criteria, frozen=True):
    partition: date | None = None
    process_instance_id: Int32 = 0
    correlation_key: str = ""
    name: str = ""


class SignalSubscriptionCriteria(Criteria, frozen=True):
    partition: date | None = None
    process_instance_id: Int32 = 0
    name: str = ""


class IncidentCriteria(Criteria, frozen=True):
    partition: date | None = None
    id: Int32 = 0
    job_id: Int32 = 0
    process_instance_id: Int32 = 0
    task_id: Int32 = 0


class VariableCriteria(Criteria, frozen=True):
    """``names`` keeps the variables whose name is one of them."""

    partition: date | None = None
    element_instance_id: Int32 = 0
    process_instance_id: Int32 = 0
    names: tuple[str, ...] = ()
