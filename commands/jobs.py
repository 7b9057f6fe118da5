"""Locking, unlocking and completing jobs."""

from datetime import date

from commands.intents import ElementVariable, Intent, ProcessVariable, Tag, Timer
from domain.identity import Int32


class LockJobs(Intent, frozen=True):
    """Take up to ``limit`` due jobs for a worker (operation ``lockJobs``)."""

    limit: Int32 = 0
    worker_id: str = ""
    partition: date | None = None
    id: Int32 = 0
    process_ids: tuple[Int32, ...] = ()
    process_instance_id: Int32 = 0


class UnlockJobs(Intent, frozen=True):
    """Give back the jobs that a worker holds (operation ``unlockJobs``)."""

    worker_id: str = ""
    partition: date | None = None
    id: Int32 = 0


class CalledProcess(Intent, frozen=True):
    bpmn_process_id: str = ""
    version: str = ""
    correlation_key: str = ""
    tags: tuple[Tag, ...] = ()
    variables: tuple[ProcessVariable, ...] = ()


class JobCompletion(Intent, frozen=True):
    """What the job's type asks for; members that it does not use are ignored."""

    called_process: CalledProcess | None = None
    error_code: str = ""
    escalation_code: str = ""
    exclusive_gateway_decision: str = ""
    inclusive_gateway_decision: tuple[str, ...] = ()
    message_correlation_key: str = ""
    message_name: str = ""
    signal_name: str = ""
    timer: Timer | None = None


class CompleteJob(Intent, frozen=True):
    """Report a locked job as done, or as failed when ``error`` is given (operation ``completeJob``)."""

    worker_id: str = ""
    completion: JobCompletion | None = None
    error: str = ""
    retry_limit: Int32 = 0
    retry_timer: str = ""
    element_variables: tuple[ElementVariable, ...] = ()
    process_variables: tuple[ProcessVariable, ...] = ()
