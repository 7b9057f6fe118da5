"""Instances that wait for a person, a message and a signal, made through commands: what fills the lists of those."""

from api.composition import Node
from bench.filling import ASKER, WORKER
from commands.instances import StartProcessInstance
from commands.intents import EntityId
from commands.job_locks import LockJobs, lock_jobs
from commands.jobs import CompleteJob, JobCompletion
from commands.messages import SendMessage
from commands.processes import CreateProcess
from commands.signals import SendSignal

MODEL = """<definitions><message id="m" name="paid"/><signal id="s" name="closed"/>
<process id="waiting" isExecutable="true"><startEvent id="start"/><parallelGateway id="fork"/>
<userTask id="review"/>
<boundaryEvent id="shut" attachedToRef="review"><signalEventDefinition signalRef="s"/></boundaryEvent>
<intermediateCatchEvent id="paid"><messageEventDefinition messageRef="m"/></intermediateCatchEvent>
<intermediateCatchEvent id="closed"><signalEventDefinition signalRef="s"/></intermediateCatchEvent>
<endEvent id="a"/><endEvent id="b"/><endEvent id="c"/><endEvent id="d"/>
<sequenceFlow id="f1" sourceRef="start" targetRef="fork"/><sequenceFlow id="f2" sourceRef="fork" targetRef="review"/>
<sequenceFlow id="f3" sourceRef="fork" targetRef="paid"/><sequenceFlow id="f4" sourceRef="fork" targetRef="closed"/>
<sequenceFlow id="f5" sourceRef="review" targetRef="a"/><sequenceFlow id="f6" sourceRef="paid" targetRef="b"/>
<sequenceFlow id="f7" sourceRef="closed" targetRef="c"/><sequenceFlow id="f8" sourceRef="shut" targetRef="d"/>
</process></definitions>"""


async def leave_waiting(node: Node) -> None:
    """Start instances and end what some of them wait for; others are left, one of them in the queue."""
    await node.commands.send(
        CreateProcess(bpmn_process_id="waiting", bpmn_xml=MODEL, version="1", worker_id=WORKER, parallelism=3), ASKER
    )
    for number in range(2):
        await _start(node)
        await _key_messages(node, f"order-{number}")
    await node.commands.send(SendMessage(name="paid", correlation_key="order-0", worker_id=WORKER), ASKER)
    await node.commands.send(SendMessage(name="paid", correlation_key="nobody", worker_id=WORKER), ASKER)
    await node.commands.send(SendSignal(name="closed", worker_id=WORKER), ASKER)
    await _start(node)
    await _start(node)
    await _key_messages(node, "order-2")


async def _start(node: Node) -> None:
    await node.commands.send(StartProcessInstance(bpmn_process_id="waiting", version="1", worker_id=WORKER), ASKER)


async def _key_messages(node: Node, key: str) -> None:
    locked = await lock_jobs(node.commands, LockJobs(limit=10, worker_id=WORKER), ASKER)
    for answer in locked.answer:
        completion = JobCompletion(message_correlation_key=key)
        target = EntityId(answer.instance.partition, answer.job.id)
        await node.commands.send(CompleteJob(worker_id=WORKER, completion=completion), ASKER, target)
