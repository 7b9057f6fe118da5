"""Transaction: a sub-process that succeeds with its last token; giving it up by a cancel event is refused."""

from pathlib import Path

from domain.bpmn.events import InstanceState
from tests.bpmn.drawing import fates
from tests.bpmn.refusing import details
from tests.story import Story

MODEL = (Path(__file__).parent / "models" / "transaction.bpmn").read_text(encoding="utf-8")


def test_a_transaction_goes_on_when_all_its_work_is_done() -> None:
    story = Story(MODEL, "transaction").waits_at("debit").completes("debit").waits_at("credit")
    story.completes("credit").waits_at("confirm").completes("confirm").has_ended()
    assert fates(story, "transfer") == ["COMPLETED"]


def test_an_error_inside_a_transaction_is_its_hazard_and_nothing_is_undone() -> None:
    story = Story(MODEL, "transaction").completes("debit").completes("credit", error_code="OVERDRAWN").waits_at("mend")
    assert fates(story, "transfer") == ["TERMINATED"]
    assert fates(story, "debit") == ["COMPLETED"]
    assert story.state_of("mend") is InstanceState.STARTED


def test_a_transaction_that_can_be_given_up_is_refused() -> None:
    inside = '<startEvent id="s"/><endEvent id="x"><cancelEventDefinition/></endEvent>'
    flow = '<sequenceFlow id="f" sourceRef="s" targetRef="x"/>'
    assert details(f'<transaction id="t">{inside}{flow}</transaction>') == [
        "element x is not supported: cancel end event"
    ]


def test_a_transaction_has_one_none_start_event() -> None:
    assert details('<transaction id="t"/>') == ["sub-process t has no or multiple none start events"]
