"""Samples of metrics are taken in: all of a batch as one fact, or none."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from commands.samples import ReportSamples, SampleForm
from domain.alerting.events import Sample, SamplesReported
from domain.rejection import InvalidInput
from tests.story import STEP, Stage

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def reported(stage: Stage, *forms: SampleForm) -> tuple[Sample, ...]:
    """Return the samples of the one fact that a batch came to."""
    before = len(stage.log.facts)
    assert stage.send(ReportSamples(forms)) == len(forms)
    (fact,) = stage.log.facts[before:]
    assert isinstance(fact.event, SamplesReported)
    return fact.event.samples


def refused(*forms: SampleForm) -> list[str]:
    stage = Stage()
    with pytest.raises(InvalidInput) as refusal:
        stage.send(ReportSamples(forms))
    assert not stage.log.facts
    return [cause.pointer for cause in refusal.value.causes]


def sample(**given: Any) -> SampleForm:
    return SampleForm(**{"metric": "latency_ms", "value": 1.5, **given})


def test_a_sample_without_a_time_is_of_now() -> None:
    stage = Stage()
    assert reported(stage, sample()) == (Sample("latency_ms", stage.clock.now(), 1.5),)


def test_a_batch_is_one_fact_in_a_stream_of_its_own() -> None:
    stage = Stage()
    share = SampleForm(metric="error_rate", failed=3, total=4, scope={"modelKey": "large"})
    assert reported(stage, sample(), share)[1] == Sample(
        "error_rate", stage.clock.now(), failed=3, total=4, scope={"modelKey": "large"}
    )
    reported(stage, sample())
    assert len({fact.stream for fact in stage.log.facts}) == 2


def test_a_time_may_be_a_text_or_milliseconds_and_is_cut_to_milliseconds() -> None:
    stage = Stage()
    now = stage.clock.now() + STEP
    texts = [now.isoformat(), now.replace(tzinfo=None).isoformat(), f"{now.replace(tzinfo=None).isoformat()}.0009Z"]
    offset = now.astimezone(tz=None).isoformat()
    milliseconds = (now - EPOCH) // timedelta(milliseconds=1)
    times = [*texts, offset, milliseconds, milliseconds + 0.7]
    assert {one.at for one in reported(stage, *(sample(time=time) for time in times))} == {now}


@pytest.mark.parametrize("away", [timedelta(minutes=-61), timedelta(), timedelta(minutes=1)])
def test_a_time_within_reach_of_the_windows_is_taken(away: timedelta) -> None:
    stage = Stage()
    at = stage.clock.now() + STEP + away
    assert reported(stage, sample(time=at.isoformat()))[0].at == at


@pytest.mark.parametrize("away", [timedelta(minutes=-61, milliseconds=-1), timedelta(minutes=1, milliseconds=1)])
def test_a_time_beyond_it_is_refused(away: timedelta) -> None:
    at = Stage().clock.now() + STEP + away
    assert refused(sample(time=at.isoformat())) == ["#/samples/0/time"]


@pytest.mark.parametrize("time", ["", "noon", "2026-13-01", "9" * 400, 1e300, -1e300, float("nan"), float("inf"), 0])
def test_what_is_no_time_is_refused(time: str | float) -> None:
    assert refused(sample(time=time)) == ["#/samples/0/time"]


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"metric": ""}, "/metric"),
        ({"metric": "Latency"}, "/metric"),
        ({"metric": "latency_ms\n"}, "/metric"),
        ({"value": None}, ""),
        ({"value": None, "failed": 1}, ""),
        ({"value": None, "failed": 2, "total": 1}, ""),
        ({"value": None, "failed": -1, "total": 1}, ""),
        ({"value": None, "failed": 0, "total": 1_000_000_001}, ""),
        ({"failed": 1, "total": 2}, ""),
        ({"total": 2}, ""),
        ({"value": float("nan")}, "/value"),
        ({"value": float("-inf")}, "/value"),
        ({"value": 1.1e15}, "/value"),
        ({"scope": {"a b": "c"}}, "/scope"),
        ({"scope": {"": "c"}}, "/scope"),
        ({"scope": {"a": ""}}, "/scope/a"),
        ({"scope": {"a": "\x00"}}, "/scope/a"),
        ({"scope": {"a": "x" * 201}}, "/scope/a"),
        ({"scope": {f"k{n}": "1" for n in range(21)}}, "/scope"),
    ],
)
def test_a_sample_that_no_rule_could_use_is_refused_and_the_others_with_it(given: dict[str, Any], place: str) -> None:
    assert refused(sample(), sample(**given)) == [f"#/samples/1{place}"]


def test_a_batch_has_one_to_a_thousand_samples() -> None:
    assert len(reported(Stage(), *[sample()] * 1000)) == 1000
    assert refused() == ["#/samples"]
    assert refused(*[sample()] * 1001) == ["#/samples"]


def test_only_the_first_causes_are_told() -> None:
    assert len(refused(*[sample(metric="")] * 1000)) == 20
