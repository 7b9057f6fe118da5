"""Link events: a throw event goes on at the catch event of its name in its own scope (contracts/engine.md 2.13)."""

from collections.abc import Iterator, Mapping

from domain.bpmn.reader.nodes import Node, Tree

#: Link names, and for each the first event that catches it in a scope.
Links = Mapping[str, Mapping[Node | None, Node]]


def link_catch_events(tree: Tree) -> Links:
    """Return where links are caught."""
    links: dict[str, dict[Node | None, Node]] = {}
    for node in tree.nodes:
        if node.tag == "intermediateCatchEvent" and "link" in node.event_definitions:
            links.setdefault(node.link_name, {}).setdefault(node.parent, node)
    return links


def link_targets(event: Node, links: Links) -> list[Node]:
    """Return where a token that a link event throws goes on; nowhere for all other nodes."""
    if event.tag != "intermediateThrowEvent" or "link" not in event.event_definitions:
        return []
    caught = links.get(event.link_name, {}).get(event.parent)
    return [caught] if caught is not None else []


def link_problems(event: Node, links: Links) -> Iterator[str]:
    """Yield what is wrong with the link of an intermediate event, if it has one (contracts/engine.md 2.3)."""
    if "link" not in event.event_definitions:
        return
    name = event.link_name
    scopes = links.get(name, {})
    if not name:
        yield "link name is empty"
    elif event.tag == "intermediateCatchEvent":
        if next(iter(scopes.values())) is not event:
            yield f"link name {name} must be unique"
    elif event.parent not in scopes:
        scope = f" in scope {event.parent.id}" if scopes and event.parent is not None else ""
        yield f"no link catch event defined for link name {name}{scope}"
    if event.tag == "intermediateThrowEvent" and event.outgoing:
        yield f"link throw event {event.id} has outgoing sequence flows"
