"""Parallel gateway: fork at once, join through a task of the engine."""

from domain.bpmn.events import ElementCompleted, TaskType
from tests.story import Story, bpmn

FORK_JOIN = bpmn(
    "s:startEvent fork:parallelGateway a:serviceTask b:serviceTask join:parallelGateway last:serviceTask e:endEvent",
    "s>fork fork>a fork>b a>join b>join join>last last>e",
)


def test_both_branches_run_and_the_join_waits_for_both() -> None:
    story = Story(FORK_JOIN).waits_at("a", "b").completes("b").waits_at("a", "join")
    assert story.task_at("join").type is TaskType.JOIN_PARALLEL_GATEWAY
    story.runs_task_at("join").waits_at("a", "join")
    story.completes("a").waits_at("join", "join").runs_task_at("join").waits_at("last").completes("last").has_ended()


def test_the_second_join_task_finds_its_token_gone() -> None:
    story = Story(FORK_JOIN).completes("a").completes("b").runs_task_at("join").runs_task_at("join")
    assert story.names().count("TaskCanceled") == 1
    story.completes("last").has_ended()


def test_the_first_token_goes_on_and_the_others_end_with_the_join() -> None:
    story = Story(FORK_JOIN).completes("b").completes("a")
    first = min(e.id for e in story.instance.elements.values() if e.element == "join")
    story.runs_all_tasks()
    completed = [fact.id for fact in story.facts if isinstance(fact, ElementCompleted)]
    assert completed[-1] == first


def test_surplus_tokens_wait_for_the_next_join() -> None:
    story = Story(
        bpmn(
            "s:startEvent fork:task x:task y:task merge:exclusiveGateway a:serviceTask b:serviceTask"
            " join:parallelGateway e:endEvent",
            "s>fork fork>x fork>y fork>b x>merge y>merge merge>a a>join b>join join>e",
        )
    )
    story.waits_at("a", "a", "b").completes("a").completes("a").runs_all_tasks().waits_at("b", "join", "join")
    story.completes("b").runs_all_tasks().waits_at("join")


def test_a_gateway_with_many_flows_in_and_out_joins_and_then_forks() -> None:
    story = Story(
        bpmn(
            "s:startEvent f:parallelGateway a:task b:task both:parallelGateway x:serviceTask y:serviceTask",
            "s>f f>a f>b a>both b>both both>x both>y",
        )
    )
    story.waits_at("both", "both").runs_all_tasks().waits_at("x", "y")
