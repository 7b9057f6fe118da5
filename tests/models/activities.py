"""Generated activities with their markers and boundary events, and generated sub-processes and calls."""

from xml.sax.saxutils import escape

from tests.models.building import DEEPEST, Builder, Piece, Place
from tests.models.defining import CONDITIONS, KINDS, LANGUAGE, define, named
from tests.models.writing import MESSAGES, Node, Scope

_TASKS = (
    "serviceTask",
    "scriptTask",
    "sendTask",
    "businessRuleTask",
    "userTask",
    "receiveTask",
    "manualTask",
    "task",
)
_TASK_WEIGHTS = (4, 1, 1, 1, 3, 2, 1, 1)


def activity(build: Builder, place: Place) -> Piece:
    """Build a task, sub-process or call activity, perhaps with boundary events whose branches merge or end."""
    node = _activity(build, place)
    if build.happens(15):
        node.content += _multi_instance(build)
    if not build.happens(40):
        return Piece(node.id, node.id)
    branches = [_boundary(build, place, node) for _ in range(build.chance.randint(1, 3))]
    merging = [branch for branch in branches if branch is not None]
    if not merging:
        return Piece(node.id, node.id)
    merge = build.add(place, "exclusiveGateway", "merge").id
    for source in (node.id, *merging):
        place.scope.flow(source, merge)
    return Piece(node.id, merge)


def _activity(build: Builder, place: Place) -> Node:
    chosen = build.chance.randrange(10)
    if chosen < 3 and place.depth < DEEPEST and build.budget > 4:
        return _sub_process(build, place)
    if chosen < 6 and build.callees:
        return _call(build, place)
    node = build.add(place, build.chance.choices(_TASKS, _TASK_WEIGHTS)[0])
    if node.tag == "receiveTask" and build.happens(60):
        node.attributes["messageRef"] = f"message_{build.chance.choice(MESSAGES)}"
    return node


def _call(build: Builder, place: Place) -> Node:
    """Call a process in a version, in its latest, or in one that a worker names."""
    callee = build.chance.choice(build.callees)
    called = build.chance.choice((f"{callee}:1", callee, ""))
    return build.add(place, "callActivity", **({"calledElement": called} if called else {}))


def _sub_process(build: Builder, place: Place) -> Node:
    build.budget -= 1
    node = place.scope.add_scope(tag="transaction" if build.happens(20) else "subProcess")
    assert node.scope is not None
    fill(build, node.scope, place.depth + 1)
    return node


def fill(build: Builder, scope: Scope, depth: int) -> None:
    """Fill a scope: from its none start event to its ends, with event sub-processes beside."""
    inside = Place(scope, depth, many=build.happens(40))
    start = build.add(inside, "startEvent").id
    run(build, inside, start)
    while build.happens(35) and depth < DEEPEST:
        _event_sub_process(build, inside)


def run(build: Builder, place: Place, start: str) -> None:
    """Build what follows a start event, up to the ends; now and then the last element has no flow to go."""
    body = build.sequence(build, place)
    place.scope.flow(start, body.entry)
    if body.exit is not None and not build.happens(10):
        place.scope.flow(body.exit, build.end(place))


def _event_sub_process(build: Builder, place: Place) -> None:
    build.budget -= 1
    node = place.scope.add_scope("eventSubProcess", triggeredByEvent="true")
    assert node.scope is not None
    kind = build.chance.choice(KINDS)
    interrupting = kind == "error" or build.happens(50)
    inside = Place(node.scope, place.depth + 1, many=build.happens(40))
    start = build.event(inside, "startEvent", kind, isInterrupting=str(interrupting).lower())
    run(build, inside, start.id)


def _boundary(build: Builder, place: Place, host: Node) -> str | None:
    """Attach a boundary event with a branch; return where the branch merges from, unless it ends by itself."""
    kind = build.chance.choice(KINDS)
    interrupting = kind == "error" or build.happens(50)
    event = build.event(place, "boundaryEvent", kind, attachedToRef=host.id, cancelActivity=str(interrupting).lower())
    merges = _merges(build, place, interrupting=interrupting)
    end: str | None = event.id
    if build.happens(50):
        branch = build.sequence(build, place.deeper() if merges or interrupting else place.beside())
        place.scope.flow(event.id, branch.entry)
        end = branch.exit
    if merges or end is None:
        return end
    if not build.happens(20):
        place.scope.flow(end, build.end(place))
    return None


def _merges(build: Builder, place: Place, *, interrupting: bool) -> bool:
    """Choose: a token in place of the activity's goes on like that one; one beside it may be one too many there."""
    if interrupting:
        return place.exact or build.happens(60)
    return place.many and not place.exact and build.happens(50)


def _multi_instance(build: Builder) -> str:
    """Have an activity run several times: as often as the model says, or as a worker says."""
    sequential = str(build.happens(50)).lower()
    cardinality = build.chance.choice(("", "0", "1", "2", "3"))
    inside = f"<loopCardinality>{cardinality}</loopCardinality>" if cardinality else '<inputDataItem name="a"/>'
    if build.happens(20):
        until = build.chance.choice(CONDITIONS)
        inside += f'<completionCondition language="{LANGUAGE}">{escape(until)}</completionCondition>'
    return f'<multiInstanceLoopCharacteristics isSequential="{sequential}">{inside}</multiInstanceLoopCharacteristics>'


def start_by_event(build: Builder, place: Place, name: str) -> str:
    """Add a start event of the process that a message, signal or timer happens to; these are defined from the start."""
    kind = build.chance.choice(("message", "signal", "timer"))
    if kind == "timer":
        definition = define(build.chance, kind, catches=True, asked=False)
    else:
        definition = named(kind, name, build.chance.choice(("model", "deployment")))
    return build.defined(place, "startEvent", kind, definition).id
