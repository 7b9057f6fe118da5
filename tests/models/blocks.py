"""Generated blocks: sequences, gateways with their joins, loops, and events in between."""

from collections.abc import Callable, Mapping, Sequence

from tests.models.activities import activity
from tests.models.building import DEEPEST, Builder, Piece, Place
from tests.models.defining import CONDITIONS, LANGUAGE, Definition
from tests.models.writing import Node

Block = Callable[[Builder, Place], Piece]


def sequence(build: Builder, place: Place) -> Piece:
    """Build some blocks one after another, up to one that lets no token out."""
    first = last = _block(build, place)
    for _ in range(build.chance.randrange(3)):
        if last.exit is None or build.budget <= 0:
            break
        following = _block(build, place)
        place.scope.flow(last.exit, following.entry)
        last = following
    return Piece(first.entry, last.exit)


def _block(build: Builder, place: Place) -> Piece:
    if place.depth >= DEEPEST or build.budget <= 3:
        return _small(build, place)
    blocks = [block for block in BLOCKS if block is not _inclusive or not (place.exact and place.many)]
    return build.chance.choices(blocks, [BLOCKS[block] for block in blocks])[0](build, place)


def _small(build: Builder, place: Place) -> Piece:
    tag = build.chance.choice(("serviceTask", "userTask", "task", "intermediateThrowEvent"))
    node = build.add(place, tag).id
    return Piece(node, node)


def _catch(build: Builder, place: Place) -> Piece:
    node = build.event(place, "intermediateCatchEvent", build.chance.choice(("message", "signal", "timer"))).id
    return Piece(node, node)


def _throw(build: Builder, place: Place) -> Piece:
    kind = build.chance.choice(("none", "message", "signal", "escalation"))
    if kind == "none":
        node = build.add(place, "intermediateThrowEvent").id
    else:
        node = build.event(place, "intermediateThrowEvent", kind).id
    return Piece(node, node)


def _link(build: Builder, place: Place) -> Piece:
    """Build a link, which a token follows as if it were a flow."""
    link = Definition(f'<linkEventDefinition name="{place.scope.document.next_id("name")}"/>')
    entry = build.defined(place, "intermediateThrowEvent", "link", link).id
    return Piece(entry, build.defined(place, "intermediateCatchEvent", "link", link).id)


def _exclusive(build: Builder, place: Place) -> Piece:
    """Build alternatives of which some end."""
    split = build.add(place, "exclusiveGateway", "decide")
    exits = _branches(build, place.deeper(), split.id, may_be_empty=True)
    going_on = [exit_ for exit_ in exits if not (build.happens(15) and _ended(build, place, exit_))]
    piece = _merged(build, place, split.id, going_on, "exclusiveGateway")
    _decide(build, place, split)
    return piece


def _ended(build: Builder, place: Place, exit_: str) -> bool:
    """End an alternative: in an exact branch only by ending the whole scope, for its token would be missed."""
    place.scope.flow(exit_, build.terminate(place) if place.exact else build.end(place))
    return True


def _parallel(build: Builder, place: Place) -> Piece:
    """Build branches that a parallel gateway joins, or branches that go on, or end, each for itself."""
    fork = build.add(place, "parallelGateway", "fork").id
    if place.exact or build.happens(75):
        exits = _branches(build, place.deeper(exact=True), fork, may_be_empty=True)
        return _merged(build, place, fork, exits, "parallelGateway")
    return _unjoined(build, place, fork)


def _inclusive(build: Builder, place: Place) -> Piece:
    """Build branches of which any number is taken."""
    fork = build.add(place, "inclusiveGateway", "fork")
    if place.exact or build.happens(75):
        exits = _branches(build, place.deeper(), fork.id, may_be_empty=True)
        piece = _merged(build, place, fork.id, exits, "inclusiveGateway")
    else:
        piece = _unjoined(build, place, fork.id)
    _decide(build, place, fork)
    return piece


def _decide(build: Builder, place: Place, gateway: Node) -> None:
    """Have a worker decide, or now and then the engine; there may be a way to go where nothing else is chosen."""
    flows = place.scope.flows_from(gateway.id)
    default = build.chance.choice(flows) if build.happens(40) else ""
    if default:
        gateway.attributes["default"] = default
    if build.happens(20):
        for flow_id in flows:
            if flow_id != default:
                place.scope.condition(flow_id, build.chance.choice(CONDITIONS), LANGUAGE)


def _unjoined(build: Builder, place: Place, fork: str) -> Piece:
    exits = _branches(build, place.deeper(), fork)
    if place.many and build.happens(50):
        return _merged(build, place, fork, exits, "exclusiveGateway")
    for exit_ in exits:
        place.scope.flow(exit_, build.end(place))
    return Piece(fork, None)


def _event_based(build: Builder, place: Place) -> Piece:
    """Build catch events of which the first to happen says how to go on."""
    gateway = build.add(place, "eventBasedGateway").id
    exits = []
    for _ in range(build.chance.randint(2, 3)):
        event = _catch(build, place)
        place.scope.flow(gateway, event.entry)
        exits.append(_extended(build, place.deeper(), event))
    return _merged(build, place, gateway, [exit_ for exit_ in exits if exit_ is not None], "exclusiveGateway")


def _extended(build: Builder, place: Place, event: Piece) -> str | None:
    if event.exit is None or build.happens(60):
        return event.exit
    branch = build.sequence(build, place)
    place.scope.flow(event.exit, branch.entry)
    return branch.exit


def _loop(build: Builder, place: Place) -> Piece:
    """Build a loop that a worker decides to leave."""
    body = build.sequence(build, place.deeper())
    if body.exit is None:
        return body
    again = build.add(place, "exclusiveGateway", "again").id
    decide = build.add(place, "exclusiveGateway", "decide").id
    place.scope.flow(again, body.entry)
    place.scope.flow(body.exit, decide)
    place.scope.flow(decide, again)
    leave = build.add(place, "intermediateThrowEvent").id
    place.scope.flow(decide, leave)
    return Piece(again, leave)


def _branches(build: Builder, place: Place, split: str, *, may_be_empty: bool = False) -> list[str]:
    """Build branches after a gateway; return where they come out, the gateway itself for an empty one."""
    empty = may_be_empty and build.happens(25)
    exits = [split] if empty else []
    for _ in range(build.chance.randint(1 if empty else 2, 3)):
        branch = build.sequence(build, place)
        place.scope.flow(split, branch.entry)
        if branch.exit is not None:
            exits.append(branch.exit)
    return exits


def _merged(build: Builder, place: Place, split: str, exits: Sequence[str], tag: str) -> Piece:
    """Bring branches together; where none comes out, the block lets no token out."""
    if not exits:
        return Piece(split, None)
    merge = build.add(place, tag, "merge" if tag == "exclusiveGateway" else "join").id
    for exit_ in exits:
        place.scope.flow(exit_, merge)
    return Piece(split, merge)


#: How often each block is built, relative to the others.
BLOCKS: Mapping[Block, int] = {
    activity: 12,
    _catch: 3,
    _throw: 3,
    _link: 1,
    _exclusive: 3,
    _parallel: 4,
    _inclusive: 3,
    _event_based: 2,
    _loop: 2,
}
