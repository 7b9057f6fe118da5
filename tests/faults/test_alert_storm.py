"""The short form of the alert storm, and its controls; for the long one see tests/faults/alert_storm.py."""

from collections import Counter
from pathlib import Path

import pytest

from tests.faults.alert_storm import Plan, Seen, judge, storm

PLAN = Plan(alerts=40, keys=4, seed=3)
SENT = Counter(key for keys in PLAN.requests() for key in keys)
ANSWERS = Counter(accepted=4, duplicate=36)


async def test_a_storm_opens_one_incident_a_key_and_loses_no_alert(open_directory: Path) -> None:
    told, violations = await storm(open_directory / "storm", Plan(alerts=1_000, keys=20, seed=5))
    print(told)
    assert violations == []


def test_a_plan_sends_every_key_and_as_many_alerts_as_it_says_half_of_them_in_groups() -> None:
    requests = Plan(alerts=1_000, keys=20, seed=5).requests()
    assert sum(map(len, requests)) == 1_000
    assert len({key for keys in requests for key in keys}) == 20
    assert sum(1 for keys in requests if len(keys) == 1) == 500


def test_what_has_gone_as_it_should_is_not_found_fault_with() -> None:
    assert judge(PLAN, Seen(ANSWERS, list(SENT.items()))) == []


@pytest.mark.parametrize(
    "seen",
    [
        Seen(ANSWERS, list(SENT.items())[1:]),
        Seen(ANSWERS, [*SENT.items(), next(iter(SENT.items()))]),
        Seen(ANSWERS, [("alert-0", SENT["alert-0"] - 1), *((k, n) for k, n in SENT.items() if k != "alert-0")]),
        Seen(ANSWERS, [*SENT.items(), ("made up", 1)]),
        Seen(Counter(accepted=5, duplicate=35), list(SENT.items())),
        Seen(Counter(accepted=4, duplicate=35, ignored=1), list(SENT.items())),
    ],
    ids=["lost", "opened twice", "miscounted", "made up", "accepted twice", "ignored"],
)
def test_whatever_goes_wrong_is_found(seen: Seen) -> None:
    assert judge(PLAN, seen)
