"""The past is frozen: every fact that was ever stored stays readable, and is stored the same way again.

``tests/golden`` holds samples of each version of each fact, one a line. Samples are added, never changed: the last one
of a topic has every member that its fact has today, those before it have what it had when they were added. A changed
meaning is a new topic, with an upcaster from the old one.
"""

from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from domain.bpmn.events import JobCompleted, JobFailed
from domain.topics import TOPICS, UPCASTERS
from infra.codec import UnreadableFact, decode, encode, upcast

GOLDEN = Path(__file__).parents[1] / "golden"


class Sample(NamedTuple):
    """A fact as it was stored once, and whether it is the last sample of its topic."""

    topic: str
    stored: bytes
    last: bool


def samples() -> list[Sample]:
    found = []
    for path in sorted(GOLDEN.glob("*.json")):
        lines = path.read_bytes().splitlines()
        found += [Sample(path.stem, line, line is lines[-1]) for line in lines]
    return found


SAMPLES = samples()
OF_TODAY = [sample for sample in SAMPLES if sample.topic in TOPICS]


def example(topic: str) -> str:
    schema = msgspec.json.schema(TOPICS[topic])["$defs"][TOPICS[topic].__name__]["properties"]
    return msgspec.json.encode({name: shape.get("type", "...") for name, shape in schema.items()}).decode()


@pytest.mark.parametrize("topic", TOPICS)
def test_every_fact_has_a_golden_sample(topic: str) -> None:
    path = GOLDEN / f"{topic}.json"
    assert path.exists(), f"add {path.relative_to(GOLDEN.parents[1])}, one line with every member set: {example(topic)}"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.topic)
def test_every_fact_ever_stored_can_still_be_read(sample: Sample) -> None:
    assert sample.topic in TOPICS or sample.topic in UPCASTERS, "a topic never goes away: give it an upcaster"
    decode(sample.topic, sample.stored)


@pytest.mark.parametrize("sample", OF_TODAY, ids=lambda sample: sample.topic)
def test_every_fact_is_stored_as_it_was_in_its_sample(sample: Sample) -> None:
    assert encode(decode(sample.topic, sample.stored)) == sample.stored


@pytest.mark.parametrize("sample", [sample for sample in OF_TODAY if sample.last], ids=lambda sample: sample.topic)
def test_the_last_sample_has_every_member_of_its_fact(sample: Sample) -> None:
    members = set(TOPICS[sample.topic].__struct_encode_fields__)
    missing = members - set(msgspec.json.decode(sample.stored))
    assert not missing, f"add a line to {sample.topic}.json with every member, and leave those that are there"


def test_members_that_have_their_default_are_not_stored() -> None:
    assert encode(JobFailed(id=7, error="no")) == b'{"id":7,"error":"no"}'


def test_members_of_a_later_release_are_passed_over() -> None:
    assert decode("job.completed.v1", b'{"id":7,"mood":"good"}') == JobCompleted(id=7)


def test_a_topic_that_nobody_registered_is_named() -> None:
    with pytest.raises(UnreadableFact, match=r"'job\.juggled\.v1'") as unreadable:
        decode("job.juggled.v1", b"{}")
    assert unreadable.value.topic == "job.juggled.v1"


@pytest.mark.parametrize("state", [b"", b"{", b'{"id":"seven"}', b'"\xff"', b"[" * 200_000])
def test_a_state_that_does_not_fit_its_topic_is_named(state: bytes) -> None:
    with pytest.raises(UnreadableFact, match=r"job\.completed\.v1"):
        decode("job.completed.v1", state)


def test_a_topic_of_the_past_is_read_as_its_latest_successor() -> None:
    def with_number(fields: dict[str, Any]) -> dict[str, Any]:
        return {"id": int(fields["number"]), "error": fields["error"]}

    def with_reason(fields: dict[str, Any]) -> dict[str, Any]:
        return {"number": fields["number"], "error": fields["reason"]}

    upcasters = {"job.broke.v1": ("job.broke.v2", with_reason), "job.broke.v2": ("job.failed.v1", with_number)}
    assert upcast("job.broke.v1", b'{"number":"7","reason":"no"}', upcasters) == JobFailed(id=7, error="no")
    assert upcast("job.broke.v2", b'{"number":"7","error":"no"}', upcasters) == JobFailed(id=7, error="no")


def test_every_upcaster_leads_to_a_topic_of_today() -> None:
    for topic in UPCASTERS:
        seen = [topic]
        while seen[-1] in UPCASTERS:
            seen.append(UPCASTERS[seen[-1]][0])
            assert len(seen) == len(set(seen))
        assert seen[-1] in TOPICS
