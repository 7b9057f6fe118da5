"""Workers that report what is not so, too often, all at once: the engine believes none of it and forgets nothing."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from tests.fuzz.target import SMALL, Reply, Target
from tests.story import bpmn

pytestmark = pytest.mark.usefixtures("unharmed")

WORKING = bpmn("s:startEvent book:serviceTask e:endEvent", "s>book book>e", "working")
CHOOSING = bpmn(
    "s:startEvent x:exclusiveGateway a:serviceTask b:serviceTask e:endEvent", "s>x x>a x>b a>e b>e", "choosing"
)
FORKING = bpmn(
    "s:startEvent f:parallelGateway a:serviceTask b:serviceTask j:parallelGateway e:endEvent",
    "s>f f>a f>b a>j b>j j>e",
    "forking",
)
TWO = (WORKING, WORKING + " ")
MODELS = {"working": WORKING, "choosing": CHOOSING, "forking": FORKING}
NO_DATA = {"encoding": "e", "value": "1"}


@pytest.fixture(autouse=True, scope="module")
async def deployed(target: Target) -> None:
    for name, model in MODELS.items():
        body = {"bpmnProcessId": name, "version": "1", "bpmnXml": model, "workerId": "w"}
        await target.done("POST", "/processes", body)


async def started(target: Target, name: str = "working") -> Any:
    return await target.done(
        "POST", "/process-instances", {"bpmnProcessId": name, "version": "1", "workerId": "starter"}
    )


async def locked(target: Target, name: str = "working", worker: str = "w") -> Any:
    """Start an instance and return its first job, locked."""
    (job, *_) = await locks(target, await started(target, name), worker)
    return job


async def locks(target: Target, instance: Any, worker: str = "w") -> Sequence[Any]:
    wanted = {"partition": instance["partition"], "processInstanceId": instance["id"]}
    jobs: Sequence[Any] = (await target.done("POST", "/jobs/lock", {"limit": 10, "workerId": worker, **wanted}))["jobs"]
    return jobs


async def complete(target: Target, job: Any, worker: str = "w", **report: Any) -> Reply:
    path = f"/jobs/{job['partition']}/{job['id']}/complete"
    return await target.ask("PATCH", path, {"workerId": worker, **report})


async def rows(target: Target, what: str, job: Any, **criteria: Any) -> Sequence[Any]:
    within = {"partition": job["partition"], "processInstanceId": job["processInstanceId"]}
    found: Sequence[Any] = (await target.done("POST", f"/{what}/query", {**within, **criteria}))["results"]
    return found


async def stuck(target: Target) -> tuple[Any, str]:
    """Have a job fail; return it and the path of its incident."""
    job = await locked(target)
    assert (await complete(target, job, error="no")).told["state"] == "CAUSED_INCIDENT"
    (incident,) = await rows(target, "incidents", job)
    return job, f"/incidents/{incident['partition']}/{incident['id']}/resolve"


async def test_a_job_is_completed_by_who_holds_it_and_once(target: Target) -> None:
    job = await locked(target)
    assert (await complete(target, job, "another")).status == 409
    assert (await complete(target, job, "W")).status == 409
    assert (await complete(target, job, "w")).status == 200
    assert (await complete(target, job, "w")).status == 409
    assert (await complete(target, job, "w", error="after all")).status == 409
    (row,) = await rows(target, "jobs", job)
    assert row["state"] == "DONE"
    assert await rows(target, "incidents", job) == []


async def test_a_job_that_nobody_holds_is_completed_by_nobody(target: Target) -> None:
    job = await locked(target)
    assert (await target.done("POST", "/jobs/unlock", {"workerId": "another", "id": job["id"]}))["count"] == 0
    given_back = {"workerId": "w", "partition": job["partition"], "id": job["id"]}
    assert (await target.done("POST", "/jobs/unlock", given_back))["count"] == 1
    assert (await complete(target, job, "w")).status == 409
    assert (await complete(target, job, "")).status == 400


@pytest.mark.parametrize("decision", ["e", "x", "x_a", "", "a b", "A", "\u202ea", "x" * 100_000])
async def test_a_decision_for_no_way_out_is_a_failure(target: Target, decision: str) -> None:
    job = await locked(target, "choosing")
    reply = await complete(target, job, completion={"exclusiveGatewayDecision": decision})
    assert (reply.status, reply.told["state"]) == (200, "CAUSED_INCIDENT")
    assert len(reply.told["error"]) <= 10_000
    assert {row["bpmnElementId"] for row in await rows(target, "element-instances", job)} == {"choosing", "s", "x"}


@pytest.mark.parametrize("code", ["errorCode", "escalationCode"])
async def test_a_code_that_nothing_catches_is_a_failure(target: Target, code: str) -> None:
    reply = await complete(target, await locked(target), completion={code: "UNKNOWN"})
    assert (reply.status, reply.told["state"]) == (200, "CAUSED_INCIDENT")


async def test_members_for_other_kinds_of_jobs_are_passed_over(target: Target) -> None:
    completion = {
        "calledProcess": {"bpmnProcessId": "nowhere", "version": "1", "tags": [{"name": "t"}]},
        "exclusiveGatewayDecision": "nowhere",
        "inclusiveGatewayDecision": ["nowhere"] * 1_000,
        "messageName": "m",
        "messageCorrelationKey": "k" * 10_000,
        "signalName": "s",
        "timer": {"timeDuration": "PT1S"},
    }
    reply = await complete(target, await locked(target), completion=completion)
    assert (reply.status, reply.told["state"]) == (200, "DONE")


@pytest.mark.parametrize("timer", ["P2000Y", "P1999Y12M", "PT63072000000S", "P0D", ""])
async def test_a_retry_may_wait_two_thousand_years(target: Target, timer: str) -> None:
    job = await locked(target)
    assert (await complete(target, job, error="e", retryLimit=2_147_483_647, retryTimer=timer)).status == 200
    assert len(await rows(target, "jobs", job)) == 2


@pytest.mark.parametrize(
    "timer", ["P2000Y1D", "P9999999999999Y", "PT999999999999999S", "-P1D", "P", "PT", "P1.5D", "1h", "\u0660"]
)
async def test_a_retry_waits_no_longer_and_for_nothing_else(target: Target, timer: str) -> None:
    job = await locked(target)
    assert (await complete(target, job, error="e", retryLimit=2_147_483_647, retryTimer=timer)).status == 400
    assert [row["state"] for row in await rows(target, "jobs", job)] == ["LOCKED"]


async def test_the_clock_is_not_moved_where_due_dates_would_end(target: Target) -> None:
    for moment in ("7999-12-31T00:00:00.001Z", "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59-23:59"):
        reply = await target.ask("PATCH", "/time", {"time": moment})
        assert reply.status == 400, reply
    assert (await target.ask("PATCH", "/time", {"time": "0001-01-01T00:00:00Z"})).status == 409
    assert (await target.ask("PATCH", "/time", {"timeDuration": "P2000Y1D"})).status == 400


async def test_variables_come_by_the_hundred_and_the_first_of_a_name_counts(target: Target) -> None:
    job = await locked(target)
    many = [{"name": f"v{n}", "data": NO_DATA} for n in range(99)]
    again = [{"name": "v0", "data": {"encoding": "e", "value": "2"}}]
    assert (await complete(target, job, processVariables=[*many, *again, *again])).status == 400
    nowhere = [{"name": "x", "bpmnElementId": "nowhere", "data": NO_DATA}]
    assert (await complete(target, job, elementVariables=nowhere)).status == 400
    secret = [{"name": "x", "data": {**NO_DATA, "encrypted": True}}]
    assert (await complete(target, job, processVariables=secret)).status == 400
    assert await rows(target, "variables", job) == []
    gone = [{"name": f"never{n}"} for n in range(100)]
    reply = await complete(target, job, processVariables=[*many, *again], elementVariables=gone)
    assert reply.status == 200
    assert len(await rows(target, "variables", job)) == 99
    path = f"/process-instances/{job['partition']}/{job['processInstanceId']}/variables?names=v0"
    assert (await target.done("GET", path))["variables"][0]["data"]["value"] == "1"


async def test_fifty_who_deploy_a_version_at_once_get_one_process(target: Target) -> None:
    ours, theirs = [{"bpmnProcessId": "working", "version": "new", "bpmnXml": xml, "workerId": "w"} for xml in TWO]
    replies = await asyncio.gather(*(target.ask("POST", "/processes", body) for body in [ours, theirs] * 25))
    assert Counter(reply.status for reply in replies) == {201: 25, 409: 25}
    assert len({reply.told["id"] for reply in replies if reply.status == 201}) == 1


async def test_of_fifty_who_complete_a_job_at_once_one_does(target: Target) -> None:
    job = await locked(target, "forking")
    replies = await asyncio.gather(*(complete(target, job) for _ in range(50)))
    assert Counter(reply.status for reply in replies) == {200: 1, 409: 49}


async def test_fifty_who_complete_a_job_under_one_key_get_one_answer(target: Target) -> None:
    job = await locked(target, "forking")
    path, headers = f"/jobs/{job['partition']}/{job['id']}/complete", {"Idempotency-Key": f"complete {job['id']}"}
    replies = await asyncio.gather(*(target.ask("PATCH", path, {"workerId": "w"}, headers=headers) for _ in range(50)))
    assert {(reply.status, reply.body) for reply in replies} == {(200, replies[0].body)}
    other = await target.ask("PATCH", path, {"workerId": "w", "error": "no"}, headers=headers)
    assert (other.status, other.told["title"]) == (409, "idempotency key was used before")


async def test_of_fifty_who_resolve_an_incident_at_once_one_does(target: Target) -> None:
    job, resolving = await stuck(target)
    replies = await asyncio.gather(*(target.ask("PATCH", resolving, {"workerId": "w"}) for _ in range(50)))
    assert Counter(reply.status for reply in replies) == {204: 1, 409: 49}
    assert len(await rows(target, "jobs", job)) == 2


async def test_an_incident_is_resolved_once_and_by_nothing_that_is_wrong(target: Target) -> None:
    _, resolving = await stuck(target)
    assert (await target.ask("PATCH", resolving, {"workerId": "w", "retryTimer": "P2000Y1D"})).status == 400
    assert (await target.ask("PATCH", resolving, {"workerId": ""})).status == 400
    assert (await target.ask("PATCH", resolving, {"workerId": "w", "retryTimer": "P2000Y"})).status == 204
    assert (await target.ask("PATCH", resolving, {"workerId": "w"})).status == 409


async def test_sixty_four_workers_share_the_jobs_and_no_job_has_two(target: Target) -> None:
    instances = {(await started(target))["id"] for _ in range(100)}
    process = (await target.done("POST", "/process-instances/query?limit=1", {"id": min(instances)}))["results"][0]
    wanted = {"limit": 7, "processIds": [process["processId"]]}

    async def take(number: int) -> list[tuple[int, str]]:
        taken = (await target.done("POST", "/jobs/lock", {**wanted, "workerId": f"worker{number}"}))["jobs"]
        return [(job["id"], job["lockedBy"]) for job in taken if job["processInstanceId"] in instances]

    shares = [*await asyncio.gather(*map(take, range(64)))]
    taken = [job for share in shares for job in share]
    assert len(taken) == len({job for job, _ in taken}) == 100
    for job, worker in taken:
        row = {"partition": process["partition"], "id": job}
        assert (await complete(target, row, worker)).status == 200


async def test_workers_that_do_anything_at_any_time_break_nothing(target: Target) -> None:
    """Sixteen of them, with every operation on the same few instances; then honest ones finish what is left."""
    instances = [await started(target, name) for name in ("working", "choosing", "forking") for _ in range(8)]
    statuses: Counter[int] = Counter()

    async def lie(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(60):
            statuses[(await _anything(target, chance, chance.choice(instances))).status] += 1

    await asyncio.gather(*map(lie, range(16)))
    assert set(statuses) <= {200, 204, 400, 404, 409}
    assert min(statuses[200], statuses[204], statuses[409]) > 20
    async with asyncio.timeout(60):
        for instance in instances:
            await _finished(target, instance)


async def _anything(target: Target, chance: random.Random, instance: Any) -> Reply:
    """Send one request that may make sense or not."""
    worker, day = f"w{chance.randrange(3)}", instance["partition"]
    within = {"partition": day, "processInstanceId": instance["id"]}
    path = f"/process-instances/{day}/{instance['id']}"
    what = chance.choice(["lock", "lock", "unlock", "suspend", "resume", "variables", "resolve", *["complete"] * 5])
    if what in {"suspend", "resume"}:
        return await target.ask("PATCH", f"{path}/{what}", {"workerId": worker})
    if what == "variables":
        variable = {"name": f"v{chance.randrange(3)}", "data": chance.choice([None, NO_DATA])}
        return await target.ask("PUT", f"{path}/variables", {"workerId": worker, "variables": [variable]})
    if what in {"lock", "unlock"}:
        body = {"workerId": worker, **({"limit": 2, **within} if what == "lock" else {})}
        return await target.ask("POST", f"/jobs/{what}", body)
    found = await target.done("POST", f"/{'jobs' if what == 'complete' else 'incidents'}/query", within)
    row = chance.choice(found["results"] or [{"partition": day, "id": 1}])
    if what == "resolve":
        return await target.ask("PATCH", f"/incidents/{row['partition']}/{row['id']}/resolve", {"workerId": worker})
    error = chance.choice(["", "", "no"])
    decision = {"exclusiveGatewayDecision": chance.choice(["a", "b", "nowhere"])}
    return await complete(target, row, worker, error=error, completion=decision, retryLimit=chance.randrange(3))


async def _finished(target: Target, instance: Any) -> None:
    """Do what is left of an instance, as honest workers would, until it has ended."""
    within = {"partition": instance["partition"], "processInstanceId": instance["id"]}
    own = {"partition": instance["partition"], "id": instance["id"]}
    path = f"/process-instances/{instance['partition']}/{instance['id']}"
    while (row := (await target.done("POST", "/process-instances/query", own))["results"][0])["state"] != "COMPLETED":
        if row["state"] == "SUSPENDED":
            await target.ask("PATCH", f"{path}/resume", {"workerId": "w"})
        for incident in (await target.done("POST", "/incidents/query", within))["results"]:
            if "resolvedAt" not in incident:
                place = f"{incident['partition']}/{incident['id']}"
                await target.ask("PATCH", f"/incidents/{place}/resolve", {"workerId": "w"})
        for worker in ("w0", "w1", "w2"):
            await target.done("POST", "/jobs/unlock", {"workerId": worker})
        for job in await locks(target, instance):
            await complete(target, job, completion={"exclusiveGatewayDecision": "a"})


async def test_of_a_thousand_reports_about_one_job_in_a_batch_one_counts(target: Target) -> None:
    job = await locked(target)
    report = {"workerId": "w", "partition": job["partition"], "id": job["id"]}
    results = (await target.done("POST", "/jobs/complete", {"items": [report] * 1_000}))["results"]
    assert Counter(result.get("problem", {}).get("status") for result in results) == {None: 1, 409: 999}


async def test_items_of_a_batch_that_are_wrong_leave_those_alone_that_are_right(target: Target) -> None:
    right = {"bpmnProcessId": "working", "version": "1", "workerId": "w"}
    secret = [{"name": "v", "data": {**NO_DATA, "encrypted": True}}]
    items = [right, {**right, "version": "none"}, {**right, "variables": secret}]
    results = (await target.done("POST", "/process-instances/batch", {"items": items * 300}))["results"]
    assert [result.get("problem", {}).get("status") for result in results] == [None, 404, 400] * 300


async def test_of_fifty_who_complete_a_user_task_at_once_one_does(target: Target) -> None:
    model = bpmn("s:startEvent u:userTask e:endEvent", "s>u u>e", "asking")
    await target.done(
        "POST", "/processes", {"bpmnProcessId": "asking", "version": "1", "bpmnXml": model, "workerId": "w"}
    )
    instance = await started(target, "asking")
    within = {"partition": instance["partition"], "processInstanceId": instance["id"]}
    (task,) = (await target.done("POST", "/user-tasks/query", within))["results"]
    path = f"/user-tasks/{task['partition']}/{task['id']}"
    for lie in (
        {"revision": 2},
        {"revision": 1, "errorCode": "x"},
        {"revision": 1, "completed": True, "errorCode": "x"},
    ):
        assert (await target.ask("PATCH", path, {"workerId": "w", **lie})).status in {400, 409, 422}
    done = {"workerId": "w", "revision": 1, "completed": True}
    replies = await asyncio.gather(*(target.ask("PATCH", path, done) for _ in range(50)))
    assert Counter(reply.status for reply in replies) == {200: 1, 409: 49}


async def test_an_instance_that_waits_for_a_thousand_messages_is_canceled_within_moments(target: Target) -> None:
    several = (
        "<multiInstanceLoopCharacteristics><loopCardinality>1000</loopCardinality></multiInstanceLoopCharacteristics>"
    )
    model = bpmn("s:startEvent r:receiveTask~m e:endEvent", "s>r r>e", "waiting")
    model = model.replace('messageRef="message-m"/>', f'messageRef="message-m">{several}</receiveTask>')
    body = {"bpmnProcessId": "waiting", "version": "1", "bpmnXml": model, "workerId": "w"}
    await target.done("POST", "/processes", body)
    instance = await started(target, "waiting")
    wanted = {"limit": 1_000, "workerId": "w", "partition": instance["partition"], "processInstanceId": instance["id"]}
    jobs = (await target.done("POST", "/jobs/lock", wanted))["jobs"]
    reports = [
        {
            "workerId": "w",
            "partition": job["partition"],
            "id": job["id"],
            "completion": {"messageCorrelationKey": str(n)},
        }
        for n, job in enumerate(jobs)
    ]
    await target.done("POST", "/jobs/complete", {"items": reports})
    reply = await target.ask(
        "PATCH", f"/process-instances/{instance['partition']}/{instance['id']}/cancel", {"workerId": "w"}
    )
    assert (reply.status, reply.seconds < SMALL) == (204, True)
