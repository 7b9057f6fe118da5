"""The past is frozen: every fact that was ever stored stays readable, and is stored the same way again.

``tests/golden`` holds a sample of each version of each fact, with every member set. Samples are added, never changed: a
changed meaning is a new topic, with an upcaster from the old one.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.bpmn.events import JobCompleted, JobFailed
from domain.topics import TOPICS, UPCASTERS
from infra.codec import UnreadableFact, decode, encode, upcast

GOLDEN = Path(__file__).parents[1] / "golden"
SAMPLES = sorted(GOLDEN.glob("*.json"))


def example(topic: str) -> str:
    schema = msgspec.json.schema(TOPICS[topic])["$defs"][TOPICS[topic].__name__]["properties"]
    return msgspec.json.encode({name: shape.get("type", "...") for name, shape in schema.items()}).decode()


@pytest.mark.parametrize("topic", TOPICS)
def test_every_fact_has_a_golden_sample(topic: str) -> None:
    path = GOLDEN / f"{topic}.json"
    assert path.exists(), f"add {path.relative_to(GOLDEN.parents[1])}, one line with every member set: {example(topic)}"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_every_fact_ever_stored_can_still_be_read(sample: Path) -> None:
    assert sample.stem in TOPICS or sample.stem in UPCASTERS, "a topic never goes away: give it an upcaster"
    decode(sample.stem, sample.read_bytes().strip())


@pytest.mark.parametrize("sample", [path for path in SAMPLES if path.stem in TOPICS], ids=lambda path: path.stem)
def test_every_fact_is_stored_as_it_was_in_its_sample(sample: Path) -> None:
    stored = sample.read_bytes().strip()
    assert encode(decode(sample.stem, stored)) == stored


@pytest.mark.parametrize("sample", [path for path in SAMPLES if path.stem in TOPICS], ids=lambda path: path.stem)
def test_a_sample_has_every_member_of_its_fact(sample: Path) -> None:
    assert set(msgspec.json.decode(sample.read_bytes())) == set(TOPICS[sample.stem].__struct_encode_fields__)


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
