"""Link events: a token that is thrown comes out at the catch event of the same name (BPMN 2.0, 10.5.4)."""

from domain.bpmn.events import InstanceState
from tests.story import Story, bpmn

JUMP = bpmn("s:startEvent out:linkThrow~x in:linkCatch~x a:serviceTask", "s>out in>a")


def test_the_token_goes_on_behind_the_catch_event_of_the_same_name() -> None:
    story = Story(JUMP).waits_at("a").completes("a").has_ended()
    assert (story.ends_of("out"), story.ends_of("in")) == (["COMPLETED"], ["COMPLETED"])


def test_several_may_throw_to_one() -> None:
    story = Story(
        bpmn(
            "s:startEvent f:parallelGateway x:linkThrow~n y:linkThrow~n in:linkCatch~n a:serviceTask",
            "s>f f>x f>y in>a",
        )
    )
    story.waits_at("a", "a").completes("a").completes("a").has_ended()


def test_each_throws_to_its_own_name() -> None:
    nodes = "s:startEvent g:exclusiveGateway=g_x x:linkThrow~1 y:linkThrow~2 i:linkCatch~1 j:linkCatch~2"
    story = Story(bpmn(nodes + " a:serviceTask b:serviceTask", "s>g g>x g>y i>a j>b"))
    story.completes("g", decision="y").waits_at("b")


def test_the_catch_event_of_the_same_scope_is_meant() -> None:
    story = Story(
        bpmn(
            "s:startEvent sub:subProcess i:startEvent@sub out:linkThrow~x@sub in:linkCatch~x@sub a:serviceTask@sub"
            " b:serviceTask",
            "s>sub i>out in>a sub>b",
        )
    )
    story.waits_at("a").completes("a").waits_at("b")


def test_a_link_backwards_is_a_loop() -> None:
    story = Story(
        bpmn(
            "s:startEvent in:linkCatch~again m:exclusiveGateway a:serviceTask g:exclusiveGateway=g_e"
            " out:linkThrow~again e:endEvent",
            "s>m in>m m>a a>g g>out g>e",
        )
    )
    story.completes("a").completes("g", decision="out").waits_at("a").completes("a").completes("g").has_ended()


def test_under_suspension_the_token_halts_behind_the_jump_or_before_it() -> None:
    story = Story(bpmn("s:startEvent b:serviceTask out:linkThrow~x in:linkCatch~x a:serviceTask", "s>b b>out in>a"))
    story.is_suspended().completes("b").waits_at("out")
    assert story.state_of("out") is InstanceState.SUSPENDED
    story.is_resumed().waits_at("a")
