"""Variables of the instance and of element instances (contracts/engine.md 2.15)."""

from domain.bpmn import engine
from domain.bpmn.engine import VariableChange
from domain.bpmn.events import VariableDeleted, VariableSet
from domain.bpmn.instance import PROCESS_SCOPE
from tests.story import Story, bpmn

MODEL = bpmn("s:startEvent a:serviceTask e:endEvent", "s>a a>e")


def changed(story: Story, *changes: VariableChange) -> list[VariableSet | VariableDeleted]:
    turn = story._turn()
    engine.change_variables(turn, changes)
    story._take(turn)
    return [fact for fact in turn.events if isinstance(fact, VariableSet | VariableDeleted)]


def test_a_variable_keeps_its_id_when_it_changes() -> None:
    story = Story(MODEL, variables=(VariableChange(PROCESS_SCOPE, "amount", "json", "5"),))
    (fact,) = changed(story, VariableChange(PROCESS_SCOPE, "amount", "json", "6"))
    assert fact == VariableSet(id=1, process_id=1, name="amount", encoding="json", value="6")


def test_of_two_changes_of_one_variable_the_first_counts() -> None:
    facts = changed(Story(MODEL), VariableChange(0, "a", "t", "first"), VariableChange(0, "a", "t", "second"))
    assert [fact.value for fact in facts if isinstance(fact, VariableSet)] == ["first"]


def test_deleting_what_is_not_there_is_no_change() -> None:
    assert changed(Story(MODEL), VariableChange(0, "a")) == []


def test_scopes_are_apart() -> None:
    story = Story(MODEL)
    at_task = max(story.instance.elements)
    changed(story, VariableChange(0, "a", "t", "1"), VariableChange(at_task, "a", "t", "2"))
    (fact,) = changed(story, VariableChange(at_task, "a"))
    assert fact == VariableDeleted(2, "a", at_task)
    assert story.instance.variables == {0: {"a": 1}, at_task: {}}
