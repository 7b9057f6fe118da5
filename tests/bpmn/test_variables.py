"""Variables of the instance and of element instances (contracts/engine.md 2.15)."""

from commands.intents import ElementVariable, EntityId, ProcessVariable
from commands.variables import SetElementVariables, SetProcessVariables
from domain.bpmn.events import VariableDeleted, VariableSet
from tests.story import Story, bpmn, text

MODEL = bpmn("s:startEvent a:serviceTask e:endEvent", "s>a a>e")


def changes(story: Story) -> list[VariableSet | VariableDeleted]:
    return [fact for fact in story.facts if isinstance(fact, VariableSet | VariableDeleted)]


def test_a_variable_keeps_its_id_when_it_changes() -> None:
    story = Story(MODEL, variables=(ProcessVariable("amount", text("5")),)).sets(amount="6")
    assert changes(story) == [
        VariableSet(id=1, process_id=1, name="amount", encoding="text", value="5"),
        VariableSet(id=1, process_id=1, name="amount", encoding="text", value="6"),
    ]


def test_of_two_changes_of_one_variable_the_first_counts() -> None:
    story = Story(MODEL)
    twice = (ProcessVariable("a", text("first")), ProcessVariable("a", text("second")))
    story.stage.send(SetProcessVariables("worker", twice), story.identity)
    assert [fact.value for fact in changes(story) if isinstance(fact, VariableSet)] == ["first"]


def test_deleting_what_is_not_there_is_no_change() -> None:
    assert changes(Story(MODEL).sets(a=None)) == []


def test_scopes_are_apart() -> None:
    story = Story(MODEL).sets(a="1").sets("a", a="2").sets("a", a=None)
    at_task = story.at("a").id
    assert changes(story)[-1] == VariableDeleted(2, "a", at_task)
    assert story.instance.variables == {0: {"a": 1}, at_task: {}}


def test_an_element_variable_may_go_to_a_scope_around_its_element() -> None:
    story = Story(MODEL)
    command = SetElementVariables("worker", (ElementVariable("a", text("1"), bpmn_element_id="p"),))
    story.stage.send(command, EntityId(story.identity.partition, story.at("a").id))
    assert story.instance.variables == {story.at("p").id: {"a": 1}}
