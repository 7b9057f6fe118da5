"""The bodies that the engine answers with, around the rows of ``projections.views`` (contracts/engine.md 1.5)."""

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from api.histories import HistoryFact
from api.problems import Problem
from domain.identity import Int32, Int64
from projections.views import ElementVariable, Job, Moment, ProcessInstance, ProcessVariable, Task

Row = TypeVar("Row")


class Body(msgspec.Struct, frozen=True, rename="camel"):
    """A response's body; every member is always there."""


class Results(Body, Generic[Row], frozen=True):
    """A page of a query; ``count`` is the number of rows in it, not of all that there are."""

    count: Int32
    results: Sequence[Row]


class ProcessVariables(Body, frozen=True):
    """The variables of a process instance, with their values."""

    count: Int32
    variables: Sequence[ProcessVariable]


class ElementVariables(Body, frozen=True):
    """The variables of an element instance and of the scopes around it, with their values."""

    count: Int32
    variables: Sequence[ElementVariable]


class LockedJobs(Body, frozen=True):
    """The jobs that a worker holds now."""

    count: Int32
    jobs: Sequence[Job]


class Unlocked(Body, frozen=True):
    """How many jobs or tasks were given back."""

    count: Int32


class ExecutedTasks(Body, frozen=True):
    """What became of the tasks that were due; failed are those that stay locked because of an unexpected error."""

    locked: Int32
    completed: Int32
    failed: Int32
    completed_tasks: Sequence[Task]
    failed_tasks: Sequence[Task]


class Signal(Body, frozen=True):
    """A signal that was sent, and how many events and start events it met; signals are not kept to be found."""

    id: Int64
    created_at: Moment
    created_by: str
    name: str
    subscriber_count: Int32


class Times(Body, frozen=True):
    """The engine's time after and before it was moved."""

    new_time: Moment
    old_time: Moment


class InstanceHistory(Body, frozen=True):
    """A page of the history of a process instance, the oldest fact first."""

    count: Int32
    history: Sequence[HistoryFact]
    next: Int64 | None


class CreatedInstance(Body, frozen=True, omit_defaults=True):
    """What became of one item of many: an instance, or the problem that it would have been answered with alone."""

    process_instance: ProcessInstance | None = None
    problem: Problem | None = None


class CompletedJob(Body, frozen=True, omit_defaults=True):
    """The same for the report about a job."""

    job: Job | None = None
    problem: Problem | None = None
