"""What commands answer, as the rows that clients see (contracts/engine.md 1.5)."""

from collections.abc import Mapping
from datetime import datetime

from api.engine.bodies import Signal
from commands.jobs import JobAnswer
from commands.messages import MessageAnswer
from commands.signals import SignalAnswer
from commands.tasks import TaskAnswer
from commands.user_tasks import UserTaskAnswer
from domain.bpmn.instance import Instance
from domain.processes.process import DeployedVersion
from domain.timestamps import rfc3339
from projections.definitions import TaskSubject, serialized_task
from projections.views import Job, Message, Process, ProcessInstance, Tag, Task, UserTask, UserTaskState


def process_row(deployed: DeployedVersion) -> Process:
    return Process(
        id=deployed.process_id,
        bpmn_collaboration_id=deployed.participant.collaboration_id,
        bpmn_participant_id=deployed.participant.id,
        bpmn_participant_name=deployed.participant.name,
        bpmn_process_id=deployed.bpmn_process_id,
        created_at=rfc3339(deployed.created_at),
        created_by=deployed.created_by,
        parallelism=deployed.parallelism,
        tags=_tags(deployed.tags),
        version=deployed.version,
    )


def process_instance_row(instance: Instance) -> ProcessInstance:
    return ProcessInstance(
        partition=instance.partition,
        id=instance.id,
        parent_id=instance.parent_id,
        root_id=instance.root_id,
        process_id=instance.process_id,
        bpmn_process_id=instance.bpmn_process_id,
        correlation_key=instance.correlation_key,
        created_at=rfc3339(instance.created_at),
        created_by=instance.created_by,
        ended_at=_time(instance.ended_at),
        started_at=_time(instance.started_at),
        state=instance.state,
        tags=_tags(instance.tags),
        version=instance.version,
    )


def job_row(answer: JobAnswer) -> Job:
    instance, job = answer.instance, answer.job
    return Job(
        partition=instance.partition,
        id=job.id,
        element_id=job.element_id,
        element_instance_id=job.element_instance_id,
        process_id=instance.process_id,
        process_instance_id=instance.id,
        bpmn_element_id=job.element,
        completed_at=_time(answer.completed_at),
        correlation_key=job.correlation_key,
        created_at=rfc3339(job.created_at),
        created_by=job.created_by,
        due_at=rfc3339(job.due_at),
        error=answer.error,
        locked_at=_time(job.locked_at),
        locked_by=job.locked_by,
        retry_count=job.retry_count,
        state=answer.state,
        type=job.type,
    )


def task_row(answer: TaskAnswer) -> Task:
    task = answer.task
    return Task(
        partition=answer.partition,
        id=task.id,
        element_id=task.element_id,
        element_instance_id=task.element_instance_id,
        process_id=task.process_id,
        process_instance_id=answer.process_instance_id,
        bpmn_element_id=task.element,
        completed_at=_time(answer.completed_at),
        created_at=rfc3339(task.created_at),
        created_by=task.created_by,
        due_at=rfc3339(task.due_at),
        error=answer.error,
        locked_at=_time(task.locked_at),
        locked_by=task.locked_by,
        retry_count=task.retry_count,
        serialized_task=serialized_task(
            task.type, TaskSubject(task.timer, task.message_id, task.signal_id, task.bpmn_process_id)
        ),
        state=answer.state,
        type=task.type,
    )


def user_task_row(answer: UserTaskAnswer) -> UserTask:
    instance, task = answer.instance, answer.user_task
    return UserTask(
        partition=instance.partition,
        id=task.id,
        revision=task.revision,
        element_id=task.element_id,
        element_instance_id=task.element_instance_id,
        process_id=instance.process_id,
        process_instance_id=instance.id,
        bpmn_element_id=task.element,
        correlation_key=task.correlation_key,
        created_at=rfc3339(task.created_at),
        created_by=task.created_by,
        state=UserTaskState(answer.state),
        tags=_tags(task.tags),
        updated_at=rfc3339(answer.updated_at),
        updated_by=answer.updated_by,
    )


def message_row(answer: MessageAnswer) -> Message:
    return Message(
        id=answer.id,
        correlation_key=answer.correlation_key,
        created_at=rfc3339(answer.created_at),
        created_by=answer.created_by,
        expires_at=_time(answer.expires_at),
        correlated=answer.correlated,
        name=answer.name,
        unique_key=answer.unique_key,
    )


def signal_row(answer: SignalAnswer) -> Signal:
    return Signal(
        id=answer.id,
        created_at=rfc3339(answer.created_at),
        created_by=answer.created_by,
        name=answer.name,
        subscriber_count=answer.subscriber_count,
    )


def _tags(tags: Mapping[str, str]) -> tuple[Tag, ...]:
    return tuple(Tag(name=name, value=value) for name, value in sorted(tags.items()))


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment is not None else None
