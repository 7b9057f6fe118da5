"""The demo tells the truth: one figure that is off by one is found, and every run tells the same story."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from api.demo.checks import checks
from api.demo.orders import DONE, Attempt, World, outcome
from api.demo.pictures import pictures, verdict
from api.demo.story import Told
from api.demo.views import OfVersion, Views

TOLD = Told({"1": 3, "2": 2}, incidents=3, resolved=1, jobs_done=20, retried=1)


def row(activity: str, active: int, completed: int, instances: int) -> dict[str, Any]:
    return {
        "actId": activity,
        "activeIncidents": active,
        "completedIncidents": completed,
        "canceledIncidents": 0,
        "totalIncidents": active + completed,
        "instanceCount": instances,
    }


def incident(activity: str, ended: int | None) -> dict[str, Any]:
    return {
        "activityId": activity,
        "activity": activity.title(),
        "createTime": 1_795_000_000_000,
        "endTime": ended,
        "procInstId": "2026-11-23/1",
    }


def of_version(heatmap: list[Any], table: list[Any]) -> OfVersion:
    graph = [{"date": 1_794_960_000_000, "totalInstances": len(table), "incidentType": "failedJob"}] if table else []
    return OfVersion(heatmap, table, graph, {"totalIncidents": len(table), "totalExceptions": 0})


def truthful() -> Views:
    return Views(
        versions=[
            {"version": 1, "processInstanceCount": 3, "incidentCount": 2, "errorStartEventCount": 0},
            {"version": 2, "processInstanceCount": 2, "incidentCount": 1, "errorStartEventCount": 0},
        ],
        of={
            "1": of_version(
                [row("book_carrier", 1, 1, 3), row("order_received", 0, 0, 3)],
                [incident("book_carrier", None), incident("book_carrier", 1_795_000_090_000)],
            ),
            "2": of_version(
                [row("send_invoice", 1, 0, 2), row("order_received", 0, 0, 2)], [incident("send_invoice", None)]
            ),
        },
        names={"book_carrier": "Book carrier", "send_invoice": "", "order_received": "Order received"},
        incidents=[{"id": 1}, {"id": 2, "resolvedAt": "2026-11-23T09:00:00Z"}, {"id": 3}],
        ended={"1": 2, "2": 1},
        instances={"1": 3, "2": 2},
    )


def test_figures_that_agree_are_said_to_agree() -> None:
    found = checks(truthful(), TOLD)
    assert [check for check in found if not check.agrees] == []
    assert len(found) > 8


def one_more(path: str) -> Callable[[Views], None]:
    """Return what makes a figure wrong by one."""

    def tamper(views: Views) -> None:
        *steps, last = path.split("/")
        place: Any = views
        for step in steps:
            place = place[int(step)] if isinstance(place, list) else getattr(place, step, None) or place[step]
        place[last] += 1

    return tamper


LIES: dict[str, Callable[[Views], Any]] = {
    path: one_more(path)
    for path in (
        "versions/0/processInstanceCount",
        "versions/1/incidentCount",
        "of/1/heatmap/0/totalIncidents",
        "of/1/heatmap/0/completedIncidents",
        "of/1/heatmap/1/instanceCount",
        "of/2/heatmap/0/activeIncidents",
        "of/2/graph/0/totalInstances",
        "of/2/totals/totalIncidents",
        "instances/1",
        "ended/2",
    )
} | {
    "an incident is missing in the table": lambda views: views.of["1"].table.pop(),
    "an incident is told twice by the engine": lambda views: views.incidents.append({"id": 4}),
    "an incident counts for the wrong activity": lambda views: views.of["1"].table[0].update(activityId="join"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_figure_that_is_off_by_one_is_found_and_shown(lie: str) -> None:
    views = copy.deepcopy(truthful())
    LIES[lie](views)
    found = checks(views, TOLD)
    assert not all(check.agrees for check in found)
    assert "The figures do not agree" in shown(verdict(found))


def test_what_the_workers_counted_is_held_against_the_views_too() -> None:
    assert not all(check.agrees for check in checks(truthful(), TOLD._replace(incidents=4)))
    assert not all(check.agrees for check in checks(truthful(), TOLD._replace(resolved=2)))


def shown(*parts: Any) -> str:
    console = Console(width=110, record=True, file=None, quiet=False, force_terminal=False)
    with console.capture() as capture:
        console.print(*parts)
    return capture.get()


def test_the_five_views_are_shown_with_their_paths_and_figures() -> None:
    text = shown(*pictures(truthful()))
    for part in ("heatmap", "incident-version-graph", "incidents-table", "incidents-graph", "total-counts"):
        assert f"GET /incidents/{part}" in text
    for part in ("Book carrier", "resolved, 90 s", "send_invoice", "Order received", "2026-11-23/1", "failedJob"):
        assert part in text


def test_nothing_is_cut_off_in_a_terminal_of_80_columns() -> None:
    large = row("book_carrier", 1000, 234, 12345)
    views = truthful()._replace(names={"book_carrier": "Credit approved?"})
    views = views._replace(of={**views.of, "1": views.of["1"]._replace(heatmap=[large])})
    console = Console(width=80)
    with console.capture() as capture:
        console.print(*pictures(views))
    cut = [line for line in capture.get().splitlines() if "…" in line and "GET" not in line]
    assert not cut


def test_views_of_nothing_are_shown_too() -> None:
    empty = Views([], {"1": of_version([], [])}, {}, [], {}, {})
    assert "In all" in shown(*pictures(empty))


def test_every_run_tells_the_same_story() -> None:
    world = World()
    runs = [[outcome("book_carrier", Attempt(order, "1", 0), world) for order in range(50)] for _ in range(2)]
    assert runs[0] == runs[1]
    assert any(result.error for result in runs[0])
    world.carrier_is_down = False
    assert all(outcome("book_carrier", Attempt(order, "2", 0), world) == DONE for order in range(50))


def test_a_slow_answer_of_the_bureau_is_only_tried_again() -> None:
    first, second = (outcome("check_credit", Attempt(13, "1", failures), World()) for failures in (0, 1))
    assert first.retries > 0
    assert second == DONE
