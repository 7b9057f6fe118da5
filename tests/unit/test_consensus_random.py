"""Consensus against a reading of the contract that shares no line with it: whole histories, looked at from the end."""

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.incidents.events import IncidentResolved
from tests.monitoring import Monitored

REGIONS = ("eu", "us", "ap")
FOUND = ("ok", "timeout", "dns_error", "slow_response")

#: The same is found a few times in a row, so that results agree now and then.
RUNS = st.lists(
    st.tuples(st.sampled_from(FOUND), st.lists(st.sampled_from(REGIONS), min_size=1, max_size=4)), max_size=10
)
RESULTS = RUNS.map(lambda runs: [(region, found) for found, regions in runs for region in regions])


def meaning(kind: str, found: str) -> str:
    """Say what a result is for a kind: a failure, a success, or neither (``-``)."""
    if found == "ok":
        return "success"
    if found == "slow_response":
        return "failure" if kind == "slow" else "success"
    return "failure" if kind == "down" else "-"


def agree(history: list[tuple[str, str]], kind: str, what: str) -> bool:
    """Tell whether the last results in a row mean this, are three or more, and come from two regions or more.

    The whole row is looked at, however long. What is neither ends a row of failures.
    """
    row = []
    for region, found in reversed(history):
        means = meaning(kind, found)
        if means == "-" and what == "success":
            continue
        if means != what:
            break
        row.append(region)
    return len(row) >= 3 and len(set(row)) >= 2


def expected(results: list[tuple[str, str]], kind: str) -> list[tuple[str, int]]:
    """Return the incidents of a kind: whether each was resolved, and its failures."""
    incidents: list[tuple[str, int]] = []
    since = 0
    for number, (_, found) in enumerate(results, 1):
        unresolved = bool(incidents) and incidents[-1][0] == "open"
        means = meaning(kind, found)
        if unresolved and means == "failure":
            incidents[-1] = ("open", incidents[-1][1] + 1)
        elif unresolved and means == "success" and agree(results[since:number], kind, "success"):
            incidents[-1] = ("resolved", incidents[-1][1])
            since = number
        elif not unresolved and means == "failure" and agree(results[since:number], kind, "failure"):
            incidents.append(("open", 3))
            since = number
    return incidents


def found(check: Monitored, kind: str) -> list[tuple[str, int]]:
    told = []
    for incident in check.incidents:
        cause = check.opened(incident).monitor
        if cause is not None and cause.kind == kind:
            resolved = any(isinstance(fact.event, IncidentResolved) for fact in check.recorded(incident))
            told.append(("resolved" if resolved else "open", check.incident(incident).failure_count))
    return told


@settings(deadline=None)  # a story of forty commands takes longer on a busy machine
@given(RESULTS, st.integers(1, 30))
def test_any_history_opens_and_resolves_what_the_contract_says_however_it_is_reported(
    results: list[tuple[str, str]], together: int
) -> None:
    check = Monitored()
    answer = None
    for begin in range(0, len(results), together):
        answer = check.hears(" ".join(f"{region}:{what}" for region, what in results[begin : begin + together]))
    stands = {kind: expected(results, kind) for kind in ("down", "slow")}
    assert {kind: found(check, kind) for kind in stands} == stands
    if answer is not None:
        unresolved = [kind for kind, told in stands.items() if told and told[-1][0] == "open"]
        status = {"down": "down", "slow": "degraded"}[unresolved[0]] if unresolved else "up"
        assert answer.check_status == status
        assert (answer.incident is not None) == bool(unresolved)
