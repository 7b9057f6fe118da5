"""What random walks have found, each as the smallest story that shows it."""

from tests.story import Story

_PROCESS = '<definitions><process id="p" isExecutable="true">{}</process></definitions>'


def model(nodes: str, flows: str) -> str:
    """Return a process of these nodes in XML and of flows ``source>target``."""
    written = []
    for flow in flows.split():
        source, _, target = flow.partition(">")
        written.append(f'<sequenceFlow id="{source}_{target}" sourceRef="{source}" targetRef="{target}"/>')
    return _PROCESS.format(nodes + "".join(written))


#: A branch that may end while another one waits at the join for what can still come.
UNCERTAIN = model(
    '<startEvent id="s"/><inclusiveGateway id="fork"/><serviceTask id="a"/><serviceTask id="b"/>'
    '<exclusiveGateway id="way"/><endEvent id="aside"/><inclusiveGateway id="join"/><serviceTask id="last"/>',
    "s>fork fork>a fork>b b>way way>join way>aside a>join join>last",
)


def test_a_token_that_ends_elsewhere_lets_an_inclusive_join_go_on() -> None:
    story = Story(UNCERTAIN).completes("fork", inclusive_gateway_decision=("a", "b")).completes("a").completes("b")
    story.waits_at("join", "way").completes("way", decision="aside").waits_at("last")


def test_tokens_that_came_to_an_inclusive_join_while_it_was_suspended_join_as_one() -> None:
    story = Story(UNCERTAIN).completes("fork", inclusive_gateway_decision=("a", "b")).completes("a").completes("b")
    story.is_suspended().completes("way", decision="join").waits_at("join", "join")
    story.is_resumed().waits_at("last")


def test_no_token_goes_on_in_a_sub_process_that_has_been_terminated_in_the_same_moment() -> None:
    """The terminate end event is reached while a token inside the sub-process is under way."""
    story = Story(
        model(
            '<startEvent id="s"/><serviceTask id="first"/><parallelGateway id="fork"/>'
            '<subProcess id="sub"><startEvent id="begin"/><serviceTask id="work"/>'
            '<sequenceFlow id="begin_work" sourceRef="begin" targetRef="work"/></subProcess>'
            '<task id="quick"/><endEvent id="all"><terminateEventDefinition/></endEvent>',
            "s>first first>fork fork>sub fork>quick quick>all",
        )
    )
    story.completes("first").has_ended()


def test_no_token_goes_on_beside_a_terminate_end_event_reached_in_the_same_moment() -> None:
    story = Story(
        model(
            '<startEvent id="s"/><parallelGateway id="fork"/><endEvent id="all"><terminateEventDefinition/></endEvent>'
            '<task id="quick"/><serviceTask id="work"/>',
            "s>fork fork>all fork>quick quick>work",
        )
    )
    story.has_ended()
