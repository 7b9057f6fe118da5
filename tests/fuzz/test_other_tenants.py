"""What belongs to another tenant answers exactly like what does not exist, at every route and for every role."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from tests.fuzz.target import MODEL, PROCESS, Reply, Target
from tests.modelling import bpmn

#: Far above the ids that are given in a test, and as many digits as theirs never have.
NOWHERE = 1_999_999_999
NO_KEY = "01ARZ3NDEKTSV4RRFFQ69G5FAV"

#: An instance of it waits for a person, a message and a signal.
WAITING = bpmn("s:startEvent u:userTask r:receiveTask~m c:signalCatch~s", "s>u s>r s>c", "waiting")

#: Headers that differ between any two answers.
VARYING = {"date", "annals-position", "content-length"}

#: What is new in each answer that tells of a message or a signal just sent.
SENT = re.compile(r'(?<=^\{)"id":[0-9]+,|"(?:created|expires)At":"[^"]+",')


class Belongings(NamedTuple):
    """What a tenant has: a key of each role, and one of everything, by id and by name."""

    tenant: str
    keys: Mapping[str, str]
    key_id: str
    process: Mapping[str, Any]
    instance: Mapping[str, Any]
    job: Mapping[str, Any]
    stuck: Mapping[str, Any]
    incident: Mapping[str, Any]
    waiting: Mapping[str, Any]
    user_task: Mapping[str, Any]
    canceled: Mapping[str, Any]


class Asked(NamedTuple):
    """A request with ``<id>`` where an id goes, or another name of something."""

    method: str
    path: str
    body: str | None = None

    def about(self, text: str) -> tuple[str, str, bytes | None]:
        body = None if self.body is None else self.body.replace("<id>", text).encode()
        return self.method, self.path.replace("<id>", text), body


async def furnished(target: Target, tenant: str) -> Belongings:
    """Register a tenant and let it do a bit of everything."""
    await target.done("POST", "/admin/tenants", {"id": tenant, "name": tenant, "plan": "enterprise"})
    issued = {
        role: await target.done("POST", "/admin/keys", {"tenantId": tenant, "role": role, "name": role})
        for role in ("viewer", "auditor", "worker", "operator", "admin", "owner")
    }
    keys = {role: answer["key"] for role, answer in issued.items()}
    name = f"{PROCESS}-of-{tenant}"
    deployment = {"bpmnProcessId": name, "version": "1", "workerId": "w", "bpmnXml": MODEL.replace(PROCESS, name)}
    process = await target.done("POST", "/processes", deployment, keys["worker"])
    jobs = []
    for _ in range(2):
        start = {"bpmnProcessId": name, "version": "1", "workerId": "w", "correlationKey": tenant}
        instance = await target.done("POST", "/process-instances", start, keys["worker"])
        jobs += (await target.done("POST", "/jobs/lock", {"limit": 1, "workerId": tenant}, keys["worker"]))["jobs"]
    failed = {"workerId": tenant, "error": "no"}
    await target.done("PATCH", f"/jobs/{jobs[0]['partition']}/{jobs[0]['id']}/complete", failed, keys["worker"])
    (incident,) = (await target.done("POST", "/incidents/query", {}, keys["viewer"]))["results"]
    waiting, canceled, user_task = await waited(target, tenant, keys["worker"])
    key_id = issued["admin"]["id"]
    found = (process, instance, jobs[1], jobs[0], incident, waiting, user_task, canceled)
    return Belongings(tenant, keys, key_id, *found)


async def waited(target: Target, tenant: str, key: str) -> tuple[Mapping[str, Any], ...]:
    """Start two instances that wait for a person, a message and a signal; return them and a user task of the first."""
    name = f"waiting-of-{tenant}"
    model = WAITING.replace("waiting", name).replace('name="m"', f'name="{name}"').replace('name="s"', f'name="{name}"')
    deployment = {"bpmnProcessId": name, "version": "1", "workerId": "w", "bpmnXml": model}
    process = await target.done("POST", "/processes", deployment, key)
    start = {"bpmnProcessId": name, "version": "1", "workerId": "w"}
    instances = [await target.done("POST", "/process-instances", start, key) for _ in range(2)]
    lock = {"limit": 9, "workerId": tenant, "processIds": [process["id"]]}
    for job in (await target.done("POST", "/jobs/lock", lock, key))["jobs"]:
        asked_for = {"workerId": tenant, "completion": {"messageCorrelationKey": name}}
        await target.done("PATCH", f"/jobs/{job['partition']}/{job['id']}/complete", asked_for, key)
    within = {"partition": instances[0]["partition"], "processInstanceId": instances[0]["id"]}
    (user_task,) = (await target.done("POST", "/user-tasks/query", within, key))["results"]
    return instances[0], instances[1], user_task


@pytest.fixture(scope="module")
async def tenants(target: Target) -> tuple[Belongings, Belongings]:
    return await furnished(target, "alpha"), await furnished(target, "beta")


def routes(have: Belongings) -> dict[str, tuple[Asked, str, str]]:
    """Return each route with an id of theirs, and one that nobody has, in the form that the route takes."""
    numbered = {name: (asked, str(theirs), str(NOWHERE)) for name, (asked, theirs) in by_number(have).items()}
    return {**numbered, **criteria(have), **by_name(have)}


def by_number(have: Belongings) -> dict[str, tuple[Asked, int]]:
    """Return the routes that take the number of something of theirs."""
    by, day = f'"workerId": "{have.tenant}"', have.instance["partition"]
    variables = f'{{{by}, "variables": [{{"name": "v", "data": {{"encoding": "e", "value": "1"}}}}]}}'
    instance, element = f"/process-instances/{day}/<id>", f"/element-instances/{day}/<id>"
    return {
        "xml": (Asked("GET", "/processes/<id>/bpmn-xml"), have.process["id"]),
        "process variables": (Asked("GET", f"{instance}/variables"), have.instance["id"]),
        "set process variables": (Asked("PUT", f"{instance}/variables", variables), have.instance["id"]),
        "suspend": (Asked("PATCH", f"{instance}/suspend", f"{{{by}}}"), have.instance["id"]),
        "resume": (Asked("PATCH", f"{instance}/resume", f"{{{by}}}"), have.instance["id"]),
        "element variables": (Asked("GET", f"{element}/variables"), have.job["elementInstanceId"]),
        "set element variables": (Asked("PUT", f"{element}/variables", variables), have.job["elementInstanceId"]),
        "complete": (Asked("PATCH", f"/jobs/{day}/<id>/complete", f"{{{by}}}"), have.job["id"]),
        "complete what is completed": (Asked("PATCH", f"/jobs/{day}/<id>/complete", f"{{{by}}}"), have.stuck["id"]),
        "resolve": (Asked("PATCH", f"/incidents/{day}/<id>/resolve", f"{{{by}}}"), have.incident["id"]),
        "unlock": (Asked("POST", "/jobs/unlock", f'{{{by}, "partition": "{day}", "id": <id>}}'), have.job["id"]),
        "lock one": (Asked("POST", "/jobs/lock", f'{{"limit": 9, {by}, "id": <id>}}'), have.job["id"]),
        "lock of processes": (
            Asked("POST", "/jobs/lock", f'{{"limit": 9, {by}, "processIds": [<id>, 1999999998]}}'),
            have.process["id"],
        ),
        "execute": (Asked("POST", "/tasks/execute", '{"limit": 9, "processInstanceId": <id>}'), have.instance["id"]),
        "cancel": (Asked("PATCH", f"{instance}/cancel", f"{{{by}}}"), have.canceled["id"]),
        "user task": (Asked("PATCH", f"/user-tasks/{day}/<id>", f'{{{by}, "revision": 1}}'), have.user_task["id"]),
        "complete several": (
            Asked("POST", "/jobs/complete", f'{{"items": [{{{by}, "partition": "{day}", "id": <id>}}]}}'),
            have.stuck["id"],
        ),
        "unlock a task": (Asked("POST", "/tasks/unlock", '{"engineId": "default-engine", "id": <id>}'), have.job["id"]),
    }


def by_name(have: Belongings) -> dict[str, tuple[Asked, str, str]]:
    """Return the routes that take the name of something of theirs."""
    key = have.process["bpmnProcessId"]
    return {
        **by_their_process(have),
        "heatmap": (
            Asked("GET", "/incidents/heatmap?processKey=<id>&version=1"),
            key,
            "none",
        ),
        "versions": (
            Asked("GET", "/incidents/incident-version-graph?processKey=<id>"),
            key,
            "none",
        ),
        "table": (
            Asked("GET", "/incidents/incidents-table?processKey=<id>&version=1&minResults=0&maxResults=9"),
            key,
            "none",
        ),
        "graph": (
            Asked("GET", "/incidents/incidents-graph?processKey=<id>&version=1"),
            key,
            "none",
        ),
        "totals": (
            Asked("GET", "/incidents/total-counts?processKey=<id>&version=1"),
            key,
            "none",
        ),
        "change a tenant": (Asked("PATCH", "/admin/tenants/<id>", '{"plan": "free"}'), have.tenant, "none"),
        "issue a key": (
            Asked("POST", "/admin/keys", '{"tenantId": "<id>", "role": "viewer", "name": "n"}'),
            have.tenant,
            "none",
        ),
        "revoke a key": (Asked("DELETE", "/admin/keys/<id>"), have.key_id, NO_KEY),
    }


def by_their_process(have: Belongings) -> dict[str, tuple[Asked, str, str]]:
    """Return the operations that take the name of a process, a signal or a message of theirs."""
    key = have.process["bpmnProcessId"]
    start = f'{{"bpmnProcessId": "<id>", "version": "1", "workerId": "{have.tenant}"}}'
    return {
        "start": (Asked("POST", "/process-instances", start), key, "none"),
        "start several": (Asked("POST", "/process-instances/batch", f'{{"items": [{start}]}}'), key, "none"),
        "send a signal": (
            Asked("POST", "/signals", '{"name": "<id>", "workerId": "w"}'),
            have.waiting["bpmnProcessId"],
            "none",
        ),
        "send a message": (
            Asked("POST", "/messages", '{"name": "<id>", "correlationKey": "<id>", "workerId": "w"}'),
            have.waiting["bpmnProcessId"],
            "none",
        ),
    }


def criteria(have: Belongings) -> dict[str, tuple[Asked, str, str]]:
    """Return a query for each criterion that takes an id or a name."""
    known = {
        "processes": {"id": have.process["id"]},
        "elements": {"processId": have.process["id"]},
        "process-instances": {key: have.instance[key] for key in ("id", "processId")} | {"rootId": have.instance["id"]},
        "element-instances": {"id": have.job["elementInstanceId"], "processInstanceId": have.instance["id"]}
        | {"processId": have.process["id"], "parentId": have.job["elementInstanceId"] - 2},
        "jobs": {
            key: have.job[key] for key in ("id", "elementId", "elementInstanceId", "processId", "processInstanceId")
        },
        "tasks": {"id": 1, "processId": have.process["id"], "processInstanceId": have.instance["id"]},
        "incidents": {
            "id": have.incident["id"],
            "jobId": have.stuck["id"],
            "processInstanceId": have.stuck["processInstanceId"],
        },
        "variables": {"processInstanceId": have.instance["id"], "elementInstanceId": have.job["elementInstanceId"]},
        "user-tasks": {
            key: have.user_task[key] for key in ("id", "elementInstanceId", "processId", "processInstanceId")
        },
        "messages/subscriptions": {"processInstanceId": have.waiting["id"]},
        "signals/subscriptions": {"processInstanceId": have.waiting["id"]},
    }
    return {
        f"{what} by {criterion}": (
            Asked("POST", f"/{what}/query", f'{{"{criterion}": <id>}}'),
            str(value),
            str(NOWHERE),
        )
        for what, values in known.items()
        for criterion, value in values.items()
    }


async def asked(target: Target, request: Asked, text: str, key: str) -> Reply:
    method, path, body = request.about(text)
    return await target.ask(method, path, body, key)


def likened(reply: Reply, text: str) -> tuple[int, Mapping[str, str], str]:
    """Return an answer without what differs between any two, and with one word for the id that was asked for."""
    headers = {name: value for name, value in reply.headers.items() if name not in VARYING}
    body = SENT.sub("", reply.body.decode())
    return reply.status, headers, re.sub(rf"\b{re.escape(text)}\b", "<id>", body)


@pytest.mark.parametrize("role", ["viewer", "auditor", "worker", "operator", "admin", "owner"])
async def test_foreign_is_like_unknown_at_every_route(
    target: Target, tenants: tuple[Belongings, Belongings], role: str
) -> None:
    alpha, beta = tenants
    for name, (request, theirs, nobody_s) in routes(beta).items():
        foreign = await asked(target, request, theirs, alpha.keys[role])
        unknown = await asked(target, request, nobody_s, alpha.keys[role])
        assert likened(foreign, theirs) == likened(unknown, nobody_s), name
        assert beta.tenant not in foreign.body.decode().replace(theirs, ""), name
    for reply in [await target.ask("POST", f"/{what}/query", {}, alpha.keys[role]) for what in ("processes", "jobs")]:
        assert "beta" not in reply.body.decode()


async def test_nothing_of_theirs_was_changed(target: Target, tenants: tuple[Belongings, Belongings]) -> None:
    """What the test before this one tried on the other tenant has come to nothing."""
    _, beta = tenants
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


async def test_their_idempotency_keys_are_not_ours(target: Target, tenants: tuple[Belongings, Belongings]) -> None:
    started = []
    for have in tenants:
        body = {"bpmnProcessId": have.process["bpmnProcessId"], "version": "1", "workerId": "w"}
        for _ in range(2):
            reply = await target.ask(
                "POST", "/process-instances", body, have.keys["worker"], {"Idempotency-Key": "the same"}
            )
            assert reply.status == 201
            started.append(reply.told["id"])
    assert started[0] == started[1] != started[2] == started[3]


async def test_each_route_does_something_for_its_owner(target: Target, tenants: tuple[Belongings, Belongings]) -> None:
    """Else the tests before this one would have compared nothing with nothing."""
    alpha, _ = tenants
    allowed = {"complete what is completed": 409, "tasks by id": 200, "change a tenant": 403}
    for name, (request, ours, nobody_s) in routes(alpha).items():
        own = await asked(target, request, ours, alpha.keys["owner"])
        unknown = await asked(target, request, nobody_s, alpha.keys["owner"])
        assert own.status == allowed.get(name, own.status if own.status < 300 else 0), (name, own)
        empty = name.startswith(
            ("tasks", "variables", "unlock a task", "execute", "lock", "unlock", "element-instances by")
        )
        assert empty or name == "change a tenant" or likened(own, ours) != likened(unknown, nobody_s), name
