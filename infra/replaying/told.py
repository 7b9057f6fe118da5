"""States as they are told to people: by the names that they have in the program, without secrets.

A state is what the next decision on a stream rests on, so that its form may be another one in another release. Facts
stay what they are.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from domain.event import Event
from infra.event_feed.withheld import WITHHELD

#: By the first part of a stream's name: the members of its state that are left out. What a process runs by is made from
#: its facts once more whenever it is needed; all others are secrets, or stand for them.
LEFT_OUT: Mapping[str, frozenset[str]] = {
    "process": frozenset({"graphs"}),
    "key": frozenset({"key_hash"}),
    "intake": frozenset({"sealed_secret", "routing_key_hash"}),
    "webhook": frozenset({"secrets"}),
}

_encode = msgspec.json.Encoder().encode


def told_state(stream: str, state: Any) -> bytes:
    """Return a state of a stream as JSON; values that are encrypted stay it."""
    left_out = LEFT_OUT.get(stream.partition("-")[0])
    return _encode(state if left_out is None or state is None else _without(state, left_out))


def told_fact(event: Event) -> bytes:
    """Return what a fact says, as JSON, without what is withheld; members that have their default are left out."""
    encoded = _encode(event)
    withheld = WITHHELD.get(event.topic)
    return encoded if withheld is None else _encode(_but(msgspec.json.decode(encoded), withheld))


def _without(state: msgspec.Struct, left_out: frozenset[str]) -> Mapping[str, Any]:
    return _but({name: getattr(state, name) for name in state.__struct_fields__}, left_out)


def _but(members: Mapping[str, Any], left_out: frozenset[str]) -> Mapping[str, Any]:
    return {name: value for name, value in members.items() if name not in left_out}
