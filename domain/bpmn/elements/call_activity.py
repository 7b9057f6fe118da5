"""Call activity: an instance of another process does the work (BPMN 2.0, 13.3.6; contracts/engine.md 2.13).

A worker says which process, as far as the model does not; when that instance has completed, a worker passes variables.
"""

from domain.bpmn.activity import activity
from domain.bpmn.events import JobType
from domain.bpmn.execution import ExecutionError, Turn
from domain.bpmn.graph import Element
from domain.bpmn.instance import Job
from domain.bpmn.intake import CalledProcess, Completion


def begin(turn: Turn, element_instance_id: int, element: Element) -> None:
    """Ask what to call."""
    turn.create_job(element_instance_id, JobType.CALL_PROCESS, element)


def complete_job(turn: Turn, job: Job, completion: Completion) -> None:
    """Call the process, or go on after it."""
    if job.type is JobType.PASS_VARIABLES:
        turn.complete(job.element_instance_id)
    else:
        turn.around.call(turn, job.element_instance_id, _called(turn.graph.elements[job.element], completion))


def _called(element: Element, completion: Completion) -> CalledProcess:
    """Return what to call: what the worker says wins over ``calledElement``, ``id`` or ``id:version``."""
    said = completion.called
    if said is None and not element.called:
        raise ExecutionError("expected a called process")
    said = said or CalledProcess()
    known_id, _, known_version = element.called.partition(":")
    bpmn_process_id = said.bpmn_process_id or known_id
    if not bpmn_process_id:
        raise ExecutionError("expected the BPMN process ID of a called process")
    version = said.version or known_version
    if not version and bpmn_process_id != known_id:
        raise ExecutionError("expected the version of a called process")
    return said._replace(bpmn_process_id=bpmn_process_id, version=version)


BEHAVIOUR = activity(begin, complete_job)
