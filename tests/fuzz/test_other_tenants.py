"""What belongs to another tenant answers exactly like what does not exist, at every route and for every role."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import pytest

from tests.fuzz.engine_places import engine_places
from tests.fuzz.incident_places import ULID, incident_places, written
from tests.fuzz.reported import ALERTS, CHECKS, FEED, RULES, UPTIME, WEBHOOKS, Reported, reported
from tests.fuzz.target import Target
from tests.fuzz.tenancy import ROLES, Belongings, Place, asked, assert_alike, furnished, likened
from tests.modelling import bpmn

LISTS = (
    f"{FEED}?limit=100",
    f"{UPTIME}?limit=100",
    f"{ALERTS}?limit=200",
    CHECKS,
    RULES,
    "/v1/analytics/incidents",
    "/admin/intakes",
    WEBHOOKS,
)


#: What is not allowed with what one has oneself, and how that is told.
ALLOWED = {
    "complete what is completed": 409,
    "tasks by id": 200,
    "change a tenant": 403,
    "feed: merge into itself": 400,
    "check: incident that it has": 409,
}

#: What finds nothing, or tells nothing of what it has found.
EMPTY = (
    *("tasks", "variables", "unlock a task", "execute", "lock", "unlock", "element-instances by", "change a tenant"),
    *("feed: merge into itself", "webhook, about their alert", "process-instances by parentId", "incidents by taskId"),
)


class Tenant(NamedTuple):
    """A tenant with everything that it has."""

    engine: Belongings
    incidents: Reported
    told: Sequence[str]

    @property
    def name(self) -> str:
        return self.engine.tenant

    def places(self, mine: "Tenant") -> dict[str, Place]:
        """Return each route with an id of this tenant's, as somebody asks who has something too."""
        return {**engine_places(self.engine), **incident_places(self.incidents, mine.incidents)}


@pytest.fixture(scope="module")
async def tenants(target: Target) -> tuple[Tenant, Tenant]:
    alpha, beta = [await moved_in(target, name) for name in ("alpha", "beta")]
    return alpha, beta


async def moved_in(target: Target, name: str) -> Tenant:
    engine = await furnished(target, name)
    incidents = await reported(target, engine)
    return Tenant(engine, incidents, await everything(target, engine.keys["owner"]))


async def everything(target: Target, key: str) -> list[str]:
    """Return what the lists of a tenant tell, and the histories of its incidents."""
    incidents = [row["incidentId"] for row in (await target.done("GET", LISTS[0], key=key))["incidents"]]
    paths = [*LISTS, *(f"{FEED}/{incident}/history" for incident in incidents)]
    return [(await target.ask("GET", path, key=key)).body.decode() for path in paths]


@pytest.mark.parametrize("role", ROLES)
async def test_foreign_is_like_unknown_at_every_route(
    target: Target, tenants: tuple[Tenant, Tenant], role: str
) -> None:
    alpha, beta = tenants
    key = alpha.engine.keys[role]
    for name, (request, theirs, nobody_s) in beta.places(alpha).items():
        foreign = await asked(target, request, theirs, key)
        unknown = await asked(target, request, nobody_s, key)
        assert_alike(foreign, theirs, unknown, nobody_s, name)
        assert foreign.status < 500, name
        assert beta.name not in foreign.body.decode().replace(theirs, ""), name


@pytest.mark.parametrize("role", ROLES)
async def test_what_became_of_a_foreign_incident_does_not_show(
    target: Target, tenants: tuple[Tenant, Tenant], role: str
) -> None:
    """One that is closed, merged or canceled is as unknown as any other, whatever is not allowed with it."""
    alpha, beta = tenants
    key = alpha.engine.keys[role]
    for what, theirs in beta.incidents.incidents.items():
        for name, request in written().items():
            foreign = await asked(target, request, theirs, key)
            unknown = await asked(target, request, f"inc_{ULID}", key)
            assert_alike(foreign, theirs, unknown, f"inc_{ULID}", (name, what))
            assert foreign.status in {403, 404}, (name, what)


def spellings(public_id: str) -> list[str]:
    """Return other ways to write an id: none of them is the id of anything."""
    prefix, _, ulid = public_id.rpartition("_")
    return [
        f"{prefix}_{ulid.lower()}",
        f"{prefix.upper()}_{ulid}",
        ulid,
        f"_{ulid}",
        f"{prefix}_{prefix}_{ulid}",
        f"{prefix}_{ulid[:-1]}",
        f"{prefix}_{ulid}0",
        f"{prefix}_{ulid}%20",
        f"%20{prefix}_{ulid}",
        f"{prefix}_{ulid}%00",
        f"{prefix}_{ulid}%0A",
        f"{prefix}_{ulid.replace('0', 'O')}",
        f"{prefix}%5F{ulid}%2F",
        f"other_{ulid}",
    ]


async def test_an_id_in_another_spelling_is_an_id_of_nothing(target: Target, tenants: tuple[Tenant, Tenant]) -> None:
    alpha, beta = tenants
    key, ours = alpha.engine.keys["owner"], alpha.places(alpha)
    for name, (request, theirs, nobody_s) in incident_places(beta.incidents, alpha.incidents).items():
        in_path = "<id>" in request.path.partition("?")[0] and "<id>" not in (request.body or "")
        if "_" not in theirs or not in_path:
            continue
        own = ours[name][1]
        for mine, foreign, nobody in zip(*map(spellings, (own, theirs, nobody_s)), strict=True):
            replies = [await target.ask(*request.about(text), key) for text in (mine, foreign, nobody)]
            assert {reply.status for reply in replies} == {404}, (name, nobody)
            if "%" not in nobody:
                assert_alike(replies[1], foreign, replies[2], nobody, (name, nobody))


NAMING = bpmn("s:startEvent c:callActivity e:endEvent t:signalThrow", "s>c c>e s>t", "naming")


async def test_what_a_job_of_ours_names_is_not_theirs(target: Target, tenants: tuple[Tenant, Tenant]) -> None:
    """Neither is their process called, nor does a signal of ours reach those of theirs that wait for its name."""
    alpha, beta = tenants
    key, errors = alpha.engine.keys["worker"], []
    body = {"bpmnProcessId": "naming", "version": "1", "workerId": "w", "bpmnXml": NAMING}
    process = await target.done("POST", "/processes", body, key)
    for called in (beta.engine.process["bpmnProcessId"], "none"):
        start = {"bpmnProcessId": "naming", "version": "1", "workerId": "w"}
        await target.done("POST", "/process-instances", start, key)
        taken = {"limit": 9, "workerId": "w", "processIds": [process["id"]]}
        for job in (await target.done("POST", "/jobs/lock", taken, key))["jobs"]:
            completion = {
                "CALL_PROCESS": {"calledProcess": {"bpmnProcessId": called, "version": "1"}},
                "SET_SIGNAL_NAME": {"signalName": beta.engine.waiting["bpmnProcessId"]},
            }[job["type"]]
            path = f"/jobs/{job['partition']}/{job['id']}/complete"
            reported = await target.done("PATCH", path, {"workerId": "w", "completion": completion}, key)
            errors.append(str(reported.get("error")).replace(called, "<id>"))
    assert sorted(errors[:2]) == sorted(errors[2:])
    assert "None" in errors
    assert len(set(errors)) == 2


async def test_nothing_of_theirs_was_changed(target: Target, tenants: tuple[Tenant, Tenant]) -> None:
    """What the tests before this one tried on the other tenant has come to nothing."""
    _, (beta, _, before) = tenants
    assert await everything(target, beta.keys["owner"]) == before
    within = {"partition": beta.job["partition"], "id": beta.job["id"]}
    (job,) = (await target.done("POST", "/jobs/query", within, beta.keys["viewer"]))["results"]
    assert (job["state"], job["lockedBy"]) == ("LOCKED", "beta")
    (incident,) = (await target.done("POST", "/incidents/query", {}, beta.keys["viewer"]))["results"]
    assert "resolvedAt" not in incident
    assert (await target.done("POST", "/variables/query", {}, beta.keys["viewer"]))["count"] == 0
    within = {"partition": beta.waiting["partition"], "processInstanceId": beta.waiting["id"]}
    rows = (await target.done("POST", "/element-instances/query", within, beta.keys["viewer"]))["results"]
    assert {row["state"] for row in rows if row["bpmnElementId"] in {"u", "r", "c"}} == {"STARTED"}
    (user_task,) = (await target.done("POST", "/user-tasks/query", within, beta.keys["viewer"]))["results"]
    assert user_task["revision"] == 1
    assert (await target.ask("POST", "/jobs/query", {}, beta.keys["admin"])).status == 200, "the key was not revoked"


async def test_nothing_of_theirs_stands_in_a_list_or_in_figures(target: Target, tenants: tuple[Tenant, Tenant]) -> None:
    alpha, beta = tenants
    key = alpha.engine.keys["owner"]
    before = await everything(target, key)
    body = {"title": f"Another one of {beta.name}", "description": "which alpha does not see"}
    await target.done("POST", FEED, body, beta.engine.keys["owner"])
    assert await everything(target, key) == before
    rows = [await target.ask("POST", f"/{what}/query", {}, key) for what in ("processes", "jobs", "messages")]
    told = "".join([*before, *(reply.body.decode() for reply in rows)])
    assert not re.search(rf"(?<!-of-){beta.name}", told)  # names that alpha has asked for may be told again


async def test_a_check_of_theirs_is_no_monitor_of_ours(target: Target, tenants: tuple[Tenant, Tenant]) -> None:
    alpha, beta = tenants
    key, answers = alpha.engine.keys["operator"], []
    for monitor in (beta.incidents.checks[0], f"chk_{ULID}"):
        report = {"severity": "major", "type": "timeout", "title": "Slow", "error_message": "no answer"}
        opened = await target.done("POST", UPTIME, {**report, "affected_monitor_ids": [monitor]}, key)
        incident = opened["data"]["incident"]
        assert incident["affected_monitor_ids"] == [monitor]
        shown = await target.ask("GET", f"{UPTIME}/{incident['id']}/affected-checks", key=key)
        answers.append(likened(shown, incident["id"]))
    assert answers[0] == answers[1]
    assert answers[0][0] == 200


async def test_a_key_of_ours_does_not_open_their_webhook(target: Target, tenants: tuple[Tenant, Tenant]) -> None:
    alpha, beta = tenants
    body = b'{"title": "Disk full", "description": "/var is full"}'
    for role in ROLES:
        key = alpha.engine.keys[role]
        foreign = await target.ask("POST", f"/v1/webhooks/{beta.name}/custom", body, key)
        unknown = await target.ask("POST", "/v1/webhooks/none/custom", body, key)
        assert_alike(foreign, beta.name, unknown, "none", role)
        assert (foreign.status, foreign.told["error"]) == (401, "invalid_api_key")


async def test_their_idempotency_keys_are_not_ours(target: Target, tenants: tuple[Tenant, Tenant]) -> None:
    started, opened = [], []
    once = {"Idempotency-Key": "the same"}
    report = {"title": "Slow again", "description": "as it was before"}
    for have, *_ in tenants:
        body = {"bpmnProcessId": have.process["bpmnProcessId"], "version": "1", "workerId": "w"}
        for _ in range(2):
            reply = await target.ask("POST", "/process-instances", body, have.keys["worker"], once)
            assert reply.status == 201
            started.append(reply.told["id"])
            opened.append((await target.ask("POST", FEED, report, have.keys["operator"], once)).told["incidentId"])
    for first, second, third, fourth in (started, opened):
        assert first == second != third == fourth


async def test_each_route_does_something_for_its_owner(target: Target, tenants: tuple[Tenant, Tenant]) -> None:
    """Else the tests before this one would have compared nothing with nothing."""
    alpha, _ = tenants
    for name, (request, ours, nobody_s) in alpha.places(alpha).items():
        own = await asked(target, request, ours, alpha.engine.keys["owner"])
        unknown = await asked(target, request, nobody_s, alpha.engine.keys["owner"])
        assert own.status == ALLOWED.get(name, own.status if own.status < 300 else 0), (name, own)
        if not name.startswith(EMPTY):
            assert likened(own, ours) != likened(unknown, nobody_s), name
