"""What a tenant has in the engine, and how answers about it are told apart."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.fuzz.target import MODEL, PROCESS, Reply, Target
from tests.modelling import bpmn

ROLES = ("viewer", "auditor", "worker", "operator", "admin", "owner")

#: An instance of it waits for a person, a message and a signal.
WAITING = bpmn("s:startEvent u:userTask r:receiveTask~m c:signalCatch~s", "s>u s>r s>c", "waiting")

STORED_FOR = {"timeDuration": "PT1H"}

#: Headers that differ between any two answers.
VARYING = {"date", "annals-position", "x-request-id"}

#: Headers that count the requests of a minute; ``assert_alike`` holds them against each other.
REMAINING, RESET = "x-ratelimit-remaining", "x-ratelimit-reset"
MINUTE = 60

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
    message: Mapping[str, Any]
    event: Mapping[str, Any]


class Asked(NamedTuple):
    """A request with ``<id>`` where an id goes, or another name of something.

    One that is ``signed`` comes with the signature of an intake, by its secret, and without a key.
    """

    method: str
    path: str
    body: str | None = None
    signed: str = ""

    def about(self, text: str) -> tuple[str, str, bytes | None]:
        body = None if self.body is None else self.body.replace("<id>", text).encode()
        return self.method, self.path.replace("<id>", text), body


#: A request, the id of something of theirs for it, and one that nobody has.
Place = tuple[Asked, str, str]


async def asked(target: Target, request: Asked, text: str, key: str) -> Reply:
    method, path, body = request.about(text)
    if not request.signed:
        return await target.ask(method, path, body, key)
    signature = hmac.new(request.signed.encode(), body or b"", hashlib.sha256).hexdigest()
    return await target.ask(method, path, body, None, {"X-Webhook-Signature": f"sha256={signature}"})


def likened(reply: Reply, text: str) -> tuple[int, Mapping[str, str], str]:
    """Return an answer without what differs between any two, and with one word for the id that was asked for.

    So the length of the content is told without the ids in it; headers that count are held against each other.
    """
    left_out = VARYING | {REMAINING, RESET}
    headers = {name: value for name, value in reply.headers.items() if name not in left_out}
    body = re.sub(rf"\b{re.escape(text)}\b", "<id>", SENT.sub("", reply.body.decode()))
    return reply.status, headers | {"content-length": str(len(body))}, body


def assert_alike(foreign: Reply, theirs: str, unknown: Reply, nobody_s: str, what: object) -> None:
    """Require that nothing tells two answers apart, of which the second was asked for right after the first.

    Both are taken from the bucket of the caller: the second finds one request less in it, or a new minute.
    """
    assert likened(foreign, theirs) == likened(unknown, nobody_s), what
    told = REMAINING in foreign.headers
    assert told == (REMAINING in unknown.headers), what
    if told:
        later = int(unknown.headers[RESET]) - int(foreign.headers[RESET])
        assert later in {0, MINUTE}, what
        if later == 0:
            assert int(unknown.headers[REMAINING]) == int(foreign.headers[REMAINING]) - 1, what


async def furnished(target: Target, tenant: str) -> Belongings:
    """Register a tenant and let it do a bit of everything."""
    await target.done("POST", "/admin/tenants", {"id": tenant, "name": tenant, "plan": "enterprise"})
    issued = {
        role: await target.done("POST", "/admin/keys", {"tenantId": tenant, "role": role, "name": role})
        for role in ROLES
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
    sent = {"name": f"stored-of-{tenant}", "correlationKey": tenant, "workerId": "w", "expirationTimer": STORED_FOR}
    message = await target.done("POST", "/messages", sent, keys["worker"])
    (event,) = (await target.done("GET", "/events?limit=1", key=keys["auditor"]))["events"]
    found = (process, instance, jobs[1], jobs[0], incident, waiting, user_task, canceled, message, event)
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
