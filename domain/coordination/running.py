"""Running process instances: the unit of work that gives their turns what lies around them."""

from collections.abc import Mapping, Sequence

from domain.bpmn.conditions import Value
from domain.bpmn.events import InstanceState, TaskIncidentClosed, TaskType
from domain.bpmn.execution import Surroundings, Turn
from domain.bpmn.instance import ElementInstance
from domain.bpmn.intake import CalledProcess
from domain.coordination.broadcasting import send_signal
from domain.coordination.calling import call, caller_of, return_to_caller
from domain.coordination.correlation import close_message, subscribe, unsubscribe
from domain.coordination.engine_tasks import create_task_for
from domain.coordination.starting import leave_queue
from domain.coordination.unit_of_work import UnitOfWork, ValuesOf
from domain.identity import InstanceId, channel_stream


class Running(UnitOfWork):
    """A unit of work whose instances reach each other, messages, signals and queues."""

    __slots__ = ()

    def surroundings(self) -> Surroundings:
        return self

    def subscribe(self, turn: Turn, element_instance_id: int, name: str, key: str) -> bool:
        return subscribe(self, turn, element_instance_id, name, key)

    def unsubscribe(self, turn: Turn, element_instance_id: int, name: str, key: str) -> None:
        unsubscribe(self, turn, element_instance_id, name, key)

    def send_signal(self, turn: Turn, name: str) -> None:  # noqa: ARG002  (a port: others may look at who sends)
        send_signal(self, self.ids.next("signal", None), name)

    def call(self, turn: Turn, element_instance_id: int, called: CalledProcess) -> None:
        call(self, turn, element_instance_id, called)

    def caller(self, turn: Turn) -> Turn | None:
        return caller_of(self, turn)

    def called(self, turns: Sequence[Turn]) -> Sequence[Turn]:
        identities = [
            InstanceId(turn.instance.partition, calling.called)
            for turn in turns
            for calling in turn.instance.elements.values()
            if calling.called
        ]
        self.need(identity.stream for identity in identities)
        return [self.turn(identity) for identity in identities]

    def prepare(self, turn: Turn, leaving: Sequence[ElementInstance]) -> None:
        partition = turn.instance.partition
        self.need(InstanceId(partition, calling.called).stream for calling in leaving if calling.called)
        self.need(
            channel_stream(self.tenant, waiting.definition.message_name, waiting.correlation_key)
            for waiting in leaving
            if waiting.definition is not None and waiting.definition.message_name and waiting.correlation_key
        )

    def terminate(self, turn: Turn, process_instance_id: int) -> None:
        child = InstanceId(turn.instance.partition, process_instance_id)
        process_id = self.state(child.stream).process_id
        create_task_for(self, TaskType.TERMINATE_PROCESS_INSTANCE, child, process_id)

    def ended(self, turn: Turn) -> None:
        instance = turn.instance
        leave_queue(self, turn)
        if instance.message_id:
            close_message(self, instance.message_name, instance.correlation_key, instance.message_id)
        if instance.parent_id and instance.state is InstanceState.COMPLETED:
            return_to_caller(self, turn)

    def give_up(self, stopped: Sequence[tuple[str, int]]) -> None:
        tasks = [self.state(stream).incidents[number].task for stream, number in stopped]
        met = [(task.message_name, task.message_key, task.message_id) for task in tasks if task.message_id]
        self.need(channel_stream(self.tenant, name, key) for name, key, _ in met)
        for stream, number in stopped:
            self.record(stream, TaskIncidentClosed(number))
        for name, key, message_id in met:
            close_message(self, name, key, message_id)

    def values(self, turn: Turn) -> Mapping[tuple[int, str], Value]:
        if self.is_new(turn):  # nobody knows more of it than the turn
            return {}
        known: Mapping[tuple[int, str], Value] = self.ask(ValuesOf(turn.instance.identity))
        return known
