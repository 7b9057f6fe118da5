"""Sub-process and process: scopes that complete with their last token."""

from tests.story import Story, bpmn

NESTED = bpmn(
    "s:startEvent sub:subProcess after:serviceTask"
    " is:startEvent@sub work:serviceTask@sub inner:subProcess@sub ie:endEvent@sub"
    " iis:startEvent@inner deep:serviceTask@inner",
    "s>sub sub>after is>work work>inner inner>ie iis>deep",
)


def test_tokens_run_inside_and_the_outer_token_goes_on_when_they_are_gone() -> None:
    story = Story(NESTED).waits_at("work").completes("work").waits_at("deep")
    assert [scope.element for scope in story.instance.scopes_of(max(story.instance.elements))] == [
        "deep",
        "inner",
        "sub",
        "p",
    ]
    story.completes("deep").waits_at("after").completes("after").has_ended()


def test_a_sub_process_of_nothing_to_wait_for_passes_in_one_turn() -> None:
    Story(bpmn("s:startEvent sub:subProcess e:endEvent is:startEvent@sub", "s>sub sub>e")).has_ended()


def test_each_round_of_a_loop_opens_the_scope_anew() -> None:
    story = Story(
        bpmn(
            "s:startEvent j:exclusiveGateway sub:subProcess g:exclusiveGateway e:endEvent"
            " is:startEvent@sub work:serviceTask@sub",
            "s>j j>sub sub>g g>j g>e is>work",
        )
    )
    story.completes("work").completes("g", decision="j").waits_at("work").completes("work")
    story.completes("g", decision="e").has_ended()
