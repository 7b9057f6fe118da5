"""What each element of BPMN does with a token. An element that is not in this table is refused at deployment."""

from collections.abc import Mapping

from domain.bpmn.elements import (
    business_rule_task,
    exclusive_gateway,
    manual_task,
    none_end_event,
    none_start_event,
    parallel_gateway,
    process,
    script_task,
    send_task,
    service_task,
    sub_process,
    task,
)
from domain.bpmn.execution import Behaviour
from domain.bpmn.graph import ElementType

ELEMENTS: Mapping[ElementType, Behaviour] = {
    ElementType.PROCESS: process.BEHAVIOUR,
    ElementType.SUB_PROCESS: sub_process.BEHAVIOUR,
    ElementType.NONE_START_EVENT: none_start_event.BEHAVIOUR,
    ElementType.NONE_END_EVENT: none_end_event.BEHAVIOUR,
    ElementType.TASK: task.BEHAVIOUR,
    ElementType.MANUAL_TASK: manual_task.BEHAVIOUR,
    ElementType.SERVICE_TASK: service_task.BEHAVIOUR,
    ElementType.SCRIPT_TASK: script_task.BEHAVIOUR,
    ElementType.SEND_TASK: send_task.BEHAVIOUR,
    ElementType.BUSINESS_RULE_TASK: business_rule_task.BEHAVIOUR,
    ElementType.EXCLUSIVE_GATEWAY: exclusive_gateway.BEHAVIOUR,
    ElementType.PARALLEL_GATEWAY: parallel_gateway.BEHAVIOUR,
}
