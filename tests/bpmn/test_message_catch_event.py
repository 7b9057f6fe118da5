"""Message catch event: a token waits for one message of a name and a correlation key (contracts/engine.md 2.5, 2.9)."""

from datetime import timedelta

import pytest

from commands.intents import ProcessVariable
from domain.bpmn.events import InstanceState, JobType, VariableSet
from domain.bpmn.execution import ExecutionError
from tests.story import Stage, Story, bpmn, text

KNOWN = bpmn("s:startEvent c:messageCatch~paid e:endEvent", "s>c c>e")
UNKNOWN = bpmn("s:startEvent c:messageCatch e:endEvent", "s>c c>e")
TWICE = bpmn("s:startEvent c:messageCatch~paid d:messageCatch~paid e:endEvent", "s>c c>d d>e")


def waiting(xml: str = KNOWN, key: str = "42") -> Story:
    return Story(xml).completes("c", message_correlation_key=key)


def test_it_is_created_until_a_worker_says_the_correlation_key_and_started_from_then_on() -> None:
    story = Story(KNOWN)
    assert story.job_at("c").type is JobType.SET_MESSAGE_CORRELATION_KEY
    assert story.state_of("c") is InstanceState.CREATED
    story.completes("c", message_correlation_key="42")
    assert story.state_of("c") is InstanceState.STARTED


def test_a_worker_says_the_name_too_where_neither_deployment_nor_model_does() -> None:
    story = Story(UNKNOWN)
    assert story.job_at("c").type is JobType.SUBSCRIBE_MESSAGE
    story.completes("c", message_name="paid", message_correlation_key="42")
    assert story.stage.sends_message("paid", "42").correlated
    story.runs_task_at("c").has_ended()


@pytest.mark.parametrize(
    ("xml", "said", "error"),
    [
        (KNOWN, {}, "expected a message correlation key"),
        (KNOWN, {"message_name": "paid"}, "expected a message correlation key"),
        (UNKNOWN, {}, "expected a message name and correlation key"),
        (UNKNOWN, {"message_name": "paid"}, "expected a message name and correlation key"),
        (UNKNOWN, {"message_correlation_key": "42"}, "expected a message name and correlation key"),
    ],
)
def test_a_worker_that_does_not_say_it_gets_an_error_of_the_job(xml: str, said: dict[str, str], error: str) -> None:
    story = Story(xml)
    with pytest.raises(ExecutionError) as raised:
        story.completes("c", **said)
    assert str(raised.value) == error
    assert story.state_of("c") is InstanceState.CREATED
    assert not story.stage.log.message_subscriptions


def test_the_name_that_a_worker_says_does_not_replace_the_one_that_is_known() -> None:
    story = Story(KNOWN).completes("c", message_name="refused", message_correlation_key="42")
    assert not story.stage.sends_message("refused", "42", lasts="").correlated
    assert story.stage.sends_message("paid", "42").correlated


def test_the_message_triggers_it_by_a_task_that_the_sender_created() -> None:
    story = waiting()
    message = story.stage.sends_message("paid", "42")
    assert (message.correlated, message.expires_at) == (True, None)
    task = story.task_at("c")
    assert (task.created_by, task.created_at, task.due_at) == ("sender", message.created_at, message.created_at)
    story.waits_at("c").runs_task_at("c").has_ended()
    assert story.ends_of("e") == ["COMPLETED"]


@pytest.mark.parametrize(("name", "key"), [("paid", "43"), ("Paid", "42")])
def test_a_message_of_another_name_or_key_does_not_reach_it(name: str, key: str) -> None:
    story = waiting()
    assert not story.stage.sends_message(name, key).correlated
    story.runs_all_tasks().waits_at("c")


def test_a_message_that_was_sent_before_is_there_when_it_begins_to_wait() -> None:
    stage = Stage().deploys(KNOWN)
    message = stage.sends_message("paid", "42")
    assert not message.correlated
    assert message.expires_at == message.created_at + timedelta(hours=1)
    story = stage.starts().completes("c", message_correlation_key="42")
    assert not stage.log.message_subscriptions
    story.runs_task_at("c").has_ended()


def test_what_a_message_triggers_its_sender_has_caused_even_when_it_was_sent_before() -> None:
    stage = Stage().deploys(bpmn("s:startEvent c:messageCatch~paid a:serviceTask", "s>c c>a"))
    stage.sends_message("paid", "42")
    story = stage.starts().completes("c", message_correlation_key="42").runs_task_at("c")
    assert story.job_at("a").created_by == "sender"


def test_a_message_without_an_expiration_timer_is_never_there_later() -> None:
    stage = Stage().deploys(KNOWN)
    message = stage.sends_message("paid", "42", lasts="")
    assert (message.correlated, message.expires_at) == (False, message.created_at)
    stage.starts().completes("c", message_correlation_key="42").runs_all_tasks().waits_at("c")


def test_an_expired_message_is_not_there_any_more() -> None:
    stage = Stage().deploys(KNOWN)
    stage.sends_message("paid", "42", lasts="PT1H")
    stage.passes(timedelta(hours=1))
    stage.starts().completes("c", message_correlation_key="42").runs_all_tasks().waits_at("c")


def test_the_oldest_of_several_kept_messages_is_taken_first() -> None:
    stage = Stage().deploys(TWICE)
    for number in "12":
        stage.sends_message("paid", "42", variables=(ProcessVariable("number", text(number)),))
    story = stage.starts().completes("c", message_correlation_key="42").runs_task_at("c")
    assert story.values() == {"number": "1"}
    story.completes("d", message_correlation_key="42").runs_task_at("d").has_ended()
    assert story.values() == {"number": "2"}


def test_of_several_that_wait_the_oldest_receives_the_message_and_no_other() -> None:
    stage = Stage().deploys(KNOWN)
    first, second = (stage.starts().completes("c", message_correlation_key="42") for _ in range(2))
    stage.sends_message("paid", "42")
    stage.runs_due_tasks()
    first.has_ended()
    second.waits_at("c")
    stage.sends_message("paid", "42")
    stage.runs_due_tasks()
    second.has_ended()
    assert set(stage.log.correlations.values()) == {1}


def test_variables_of_the_message_are_set_once_each_and_those_without_data_deleted() -> None:
    story = Story(KNOWN, variables=(ProcessVariable("amount", text("1")), ProcessVariable("note", text("x"))))
    story.completes("c", message_correlation_key="42")
    new = (ProcessVariable("amount", text("2")), ProcessVariable("by", text("card")), ProcessVariable("note"))
    story.stage.sends_message("paid", "42", variables=new)
    story.runs_task_at("c").has_ended()
    assert story.values() == {"amount": "2", "by": "card"}
    numbers = [fact.id for fact in story.facts if isinstance(fact, VariableSet) and fact.name == "amount"]
    assert len(numbers) == 2, "an existing variable is changed"
    assert len(set(numbers)) == 1, "and keeps its id"


def test_of_two_variables_of_one_name_in_a_message_the_first_counts() -> None:
    story = waiting()
    story.stage.sends_message("paid", "42", variables=(ProcessVariable("n", text("1")), ProcessVariable("n")))
    assert story.runs_task_at("c").values() == {"n": "1"}


def test_an_instance_that_ends_waits_for_no_message_any_more() -> None:
    story = waiting().is_canceled()
    assert not story.stage.log.message_subscriptions
    assert not story.stage.sends_message("paid", "42").correlated


def test_a_message_reaches_an_instance_that_is_suspended_and_the_token_halts_behind_it() -> None:
    story = waiting().is_suspended()
    story.stage.sends_message("paid", "42")
    story.runs_task_at("c").waits_at("e")
    assert story.state_of("e") is InstanceState.SUSPENDED
    story.is_resumed().has_ended()


def test_a_message_that_finds_its_instance_canceled_meanwhile_is_done_with() -> None:
    story = waiting()
    first = story.stage.sends_message("paid", "42", unique_key="once")
    story.is_canceled().runs_all_tasks()
    assert story.stage.sends_message("paid", "42", unique_key="once").id > first.id


def test_a_key_that_no_message_can_have_is_an_error_of_the_job() -> None:
    with pytest.raises(ExecutionError, match="exceeds a maximum of 255 characters"):
        Story(KNOWN).completes("c", message_correlation_key="k" * 256)
