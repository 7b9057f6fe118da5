"""User task: a person does the work (BPMN 2.0, 10.3.3); its state is a record of its own (contracts/engine.md 2.14)."""

from domain.bpmn.activity import activity
from domain.bpmn.events import UserTaskCreated
from domain.bpmn.execution import Turn
from domain.bpmn.graph import Element


def begin(turn: Turn, element_instance_id: int, element: Element) -> None:
    """Put the task before people."""
    turn.record(
        UserTaskCreated(
            id=turn.ids.next("user_task", turn.instance.partition),
            process_id=turn.graph.process_id,
            element_id=turn.graph.element_ids[element.bpmn_id],
            element=element.bpmn_id,
            element_instance_id=element_instance_id,
            correlation_key=turn.instance.correlation_key,
        )
    )


BEHAVIOUR = activity(begin)
