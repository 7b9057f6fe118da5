"""Multi-instance activities: how often, for which items and until when, as far as the engine is to know it."""

import pytest

from domain.bpmn.graph import MultiInstance
from tests.bpmn.refusing import causes, details, element

CEL = "https://cel.dev"
ACTIVITIES = [
    *("task", "manualTask", "userTask", "serviceTask", "scriptTask", "sendTask", "receiveTask", "businessRuleTask"),
    "callActivity",
]


def activity(inside: str = "", attributes: str = "", tag: str = "serviceTask", content: str = "") -> str:
    marker = f"<multiInstanceLoopCharacteristics{attributes}>{inside}</multiInstanceLoopCharacteristics>"
    return f'<{tag} id="x">{marker}{content}</{tag}>'


def read(inside: str = "", attributes: str = "") -> MultiInstance | None:
    return element(activity(inside, attributes)).multi_instance


@pytest.mark.parametrize("tag", ACTIVITIES)
def test_every_activity_may_be_multi_instance(tag: str) -> None:
    assert element(activity(tag=tag)).multi_instance == MultiInstance()
    assert element(f'<{tag} id="x"/>').multi_instance is None


def test_a_sub_process_may_be_multi_instance() -> None:
    content = activity(tag="subProcess", content='<startEvent id="s"/>')
    assert element(content).multi_instance == MultiInstance()
    assert element(content, "s").multi_instance is None


@pytest.mark.parametrize("content", [activity(tag="endEvent"), activity(tag="parallelGateway")])
def test_nothing_else_may_be_multi_instance(content: str) -> None:
    assert details(content) == ["element x is not supported: multi-instance marker"]


def test_instances_run_at_once_or_one_after_another() -> None:
    assert read() == MultiInstance(sequential=False)
    assert read(attributes=' isSequential="true"') == MultiInstance(sequential=True)


@pytest.mark.parametrize(("text", "cardinality"), [("3", 3), (" 0 ", 0), ("", None), ("n + 1", None), ("${n}", None)])
def test_a_literal_number_is_the_cardinality_and_a_worker_is_asked_for_any_other(
    text: str, cardinality: int | None
) -> None:
    assert read(f"<loopCardinality>{text}</loopCardinality>") == MultiInstance(cardinality=cardinality)


@pytest.mark.parametrize("text", ["-1", "+1", "2147483648", "9" * 5_000])
def test_a_number_that_no_engine_counts_to_is_refused(text: str) -> None:
    content = activity(f"<loopCardinality>{text}</loopCardinality>")
    assert causes(content) == [("/p/x", "element", f"element x is not supported: loop cardinality {text[:20]}")]


def test_the_item_of_a_collection_has_a_name() -> None:
    inside = '<loopDataInputRef>orders</loopDataInputRef><inputDataItem id="d" name="order"/>'
    assert read(inside) == MultiInstance(item="order")


def test_a_completion_condition_in_a_known_language_is_kept() -> None:
    inside = f'<completionCondition language="{CEL}"> enough </completionCondition>'
    assert read(inside) == MultiInstance(until="enough")
    content = activity("<completionCondition>enough</completionCondition>")
    assert element(content, language=CEL).multi_instance == MultiInstance(until="enough")
    assert read("<completionCondition/>") == MultiInstance()


def test_a_completion_condition_in_an_unknown_language_is_refused() -> None:
    assert details(activity("<completionCondition>enough</completionCondition>")) == [
        "element x is not supported: completion condition in a language that the engine does not evaluate"
    ]


def test_a_completion_condition_that_cannot_be_evaluated_is_refused() -> None:
    (detail,) = details(activity("<completionCondition>1 +</completionCondition>"), CEL)
    assert detail.startswith("element x has a completion condition that cannot be evaluated: ")


def test_events_for_each_instance_that_completes_are_refused() -> None:
    assert details(activity(attributes=' behavior="One"')) == [
        "element x is not supported: multi-instance marker that throws events"
    ]
    assert read(attributes=' behavior="All"') == MultiInstance()


def test_two_markers_are_refused() -> None:
    assert details(activity(content="<multiInstanceLoopCharacteristics/>")) == [
        "element x is not supported: multi-instance marker"
    ]
