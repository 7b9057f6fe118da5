"""None throw event: says that the process has come this far; the token goes on at once (BPMN 2.0, 10.5.4)."""

from domain.bpmn.events import ElementPassed
from tests.story import Story, bpmn


def test_the_token_passes_without_anything_to_do() -> None:
    story = Story(bpmn("s:startEvent t:noneThrow a:serviceTask", "s>t t>a")).waits_at("a")
    passed = [fact.element for fact in story.facts if isinstance(fact, ElementPassed)]
    assert passed == ["s", "t"]


def test_under_suspension_the_token_halts_before_it() -> None:
    story = Story(bpmn("s:startEvent a:serviceTask t:noneThrow b:serviceTask", "s>a a>t t>b"))
    story.is_suspended().completes("a").waits_at("t").is_resumed().waits_at("b")
