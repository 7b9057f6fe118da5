"""``GET /process-instances/{partition}/{id}/history``: facts, who and what caused them, states (docs/replay.md)."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from domain.bpmn.events import VariableSet
from tests.contract.eventing import EventClient, event_client
from tests.contract.following import Followed, execute, follow, send
from tests.contract.working import JOINING, model, place

WAITING_FOR_MESSAGE = model(
    "waiting",
    """<startEvent id="begun"/><sequenceFlow id="f1" sourceRef="begun" targetRef="paid"/>
    <intermediateCatchEvent id="paid"><messageEventDefinition/></intermediateCatchEvent>
    <sequenceFlow id="f2" sourceRef="paid" targetRef="done"/><endEvent id="done"/>""",
)
CALLING = model(
    "calling",
    """<startEvent id="begun"/><sequenceFlow id="f1" sourceRef="begun" targetRef="sub"/>
    <callActivity id="sub"/><sequenceFlow id="f2" sourceRef="sub" targetRef="done"/><endEvent id="done"/>""",
)
MEMBERS = {
    "position",
    "version",
    "type",
    "happenedAt",
    "recordedAt",
    "actor",
    "correlationId",
    "causationId",
    "cause",
    "data",
    "state",
}
#: Where a decider of ours would not look: the members of a state in which something lives.
LIVING = ("elements", "jobs", "tasks", "user_tasks", "incidents")


@pytest.fixture(scope="module")
async def client(shared_database: str) -> AsyncIterator[EventClient]:
    settings = {"task_executor_enabled": False, "encryption_keys": (b"k" * 32,)}
    async with event_client(shared_database, **settings) as one:
        await one.deploy()
        await one.deploy(JOINING, "joining")
        await one.deploy(WAITING_FOR_MESSAGE, "waiting")
        await one.deploy(CALLING, "calling")
        yield one


async def page(client: EventClient, instance: Any, query: str = "", **headers: str) -> Any:
    path = instance.path if isinstance(instance, Followed) else place("process-instances", instance)
    return await client.ok("GET", f"{path}/history?{query}", **headers)


async def history(client: EventClient, instance: Any, query: str = "") -> list[Any]:
    told = await page(client, instance, query)
    assert told["next"] is None
    assert told["count"] == len(told["history"])
    facts: list[Any] = told["history"]
    return facts


async def completed_order(client: EventClient) -> Followed:
    """Run an order to its end."""
    order = await follow(client, "order")
    await order.completes("pay")
    return order


async def test_every_fact_is_told_with_who_caused_it_and_the_state_after_it(client: EventClient) -> None:
    facts = await history(client, await completed_order(client))
    assert all(set(fact) == MEMBERS for fact in facts)
    assert [fact["version"] for fact in facts] == list(range(1, len(facts) + 1))
    positions = [fact["position"] for fact in facts]
    assert positions == sorted(set(positions))
    kinds = [fact["type"] for fact in facts]
    assert (kinds[0], kinds[-1]) == ("process_instance.started.v1", "process_instance.completed.v1")
    by = {fact["type"]: fact["actor"] for fact in facts}
    assert by["process_instance.started.v1"] == {"kind": "worker", "id": "starter"}
    assert by["job.locked.v1"] == by["job.completed.v1"] == {"kind": "worker", "id": "worker"}
    created, locked, done = (
        next(f for f in facts if f["type"] == f"job.{how}.v1") for how in ("created", "locked", "completed")
    )
    number = str(created["data"]["id"])
    assert "locked_by" not in created["state"]["jobs"][number]
    assert locked["state"]["jobs"][number]["locked_by"] == "worker"
    assert number not in done["state"].get("jobs", {})
    assert facts[0]["state"]["bpmn_process_id"] == "order"
    assert not set(LIVING) & set(facts[-1]["state"])
    assert facts[-1]["state"]["state"] == "COMPLETED"


async def test_what_is_told_of_a_fact_is_what_the_feed_tells(client: EventClient) -> None:
    order = await completed_order(client)
    for fact in await history(client, order):
        event = await client.ok("GET", f"/events/{fact['position']}")
        assert (event["type"], event["data"], event["streamversion"]) == (fact["type"], fact["data"], fact["version"])
        assert (event["time"], event["recordedtime"]) == (fact["happenedAt"], fact["recordedAt"])
        assert (event["correlationid"], event.get("causationid")) == (fact["correlationId"], fact["causationId"])
        assert (event["actorkind"], event["actorid"]) == (fact["actor"]["kind"], fact["actor"]["id"])


async def test_why_is_one_step_from_what_a_command_did_to_what_it_began_with(client: EventClient) -> None:
    facts = await history(client, await completed_order(client))
    asked = [fact["type"] for fact in facts if fact["cause"] is None]
    assert asked == ["process_instance.started.v1", "job.locked.v1", "job.completed.v1"]
    done = next(fact for fact in facts if fact["type"] == "job.completed.v1")
    ended = facts[-1]["cause"]
    assert ended == {
        "position": done["position"],
        "stream": (await client.ok("GET", f"/events/{done['position']}"))["subject"],
        "version": done["version"],
        "type": "job.completed.v1",
        "path": f"/events/{done['position']}",
    }
    assert (await client.ok("GET", ended["path"]))["actorid"] == "worker"


async def test_what_the_engine_does_is_caused_by_the_task_that_was_left_to_it(client: EventClient) -> None:
    joining = await follow(client, "joining")
    while await execute(client, **joining.key):
        pass
    facts = await history(client, joining)
    locked = [fact for fact in facts if fact["type"] == "task.locked.v1"]
    assert locked
    for fact in locked:
        created = facts[fact["cause"]["version"] - 1]
        assert (created["type"], created["data"]["id"]) == ("task.created.v1", fact["data"]["id"])
        assert created["position"] == fact["cause"]["position"]
    assert all(fact["cause"] is not None for fact in facts[1:])


async def test_a_message_leads_from_what_it_triggered_to_its_task_and_on_to_itself(client: EventClient) -> None:
    waiting = await follow(client, "waiting")
    await waiting.completes("paid", messageName="paid", messageCorrelationKey="order-7")
    sent = await send(client, "paid", "order-7", expirationTimer={"timeDuration": "PT1H"})
    await execute(client)
    facts = await history(client, waiting)
    triggered = next(fact for fact in facts if fact["type"] == "event.triggered.v1")
    assert triggered["data"]["message_id"] == sent["id"]
    assert triggered["actor"] == {"kind": "worker", "id": "sender"}
    assert triggered["cause"]["type"] == "task.created.v1"
    assert triggered["causationId"] == f"{triggered['cause']['stream']}/1"
    task = await client.ok("GET", triggered["cause"]["path"])
    (origin,) = [
        event
        for event in (await client.events("limit=1000&type=message.sent.v1"))["events"]
        if event["data"]["id"] == sent["id"]
    ]
    assert task["correlationid"] == origin["correlationid"]


async def test_a_called_process_began_because_of_its_caller(client: EventClient) -> None:
    calling = await follow(client, "calling")
    await calling.completes("sub", calledProcess={"bpmnProcessId": "order", "version": "1"})
    child = await calling.child()
    first = (await history(client, child))[0]
    assert first["cause"]["type"] == "job.completed.v1"
    assert first["cause"]["stream"].endswith(f"-{calling.id}")


async def test_it_is_read_page_by_page_and_comes_to_the_same(client: EventClient) -> None:
    order = await completed_order(client)
    whole = await history(client, order)
    for limit in (1, 2, 5):
        found: list[Any] = []
        after: int | None = 0
        while after is not None:
            part = await page(client, order, f"after={after}&limit={limit}")
            assert part["count"] == len(part["history"]) <= limit
            found += part["history"]
            after = part["next"]
        assert found == whole
    assert await history(client, order, f"after={len(whole) - 2}") == whole[-2:]
    assert await history(client, order, f"after={len(whole)}") == []
    assert len(await history(client, order, "limit=2000000000")) == len(whole)


async def test_it_has_what_was_written_before_and_says_where_the_log_is(client: EventClient) -> None:
    order = await follow(client, "order")
    for number in range(5):
        body = {"variables": [{"name": "n", "data": {"encoding": "text", "value": str(number)}}], "workerId": "w"}
        answer = await client.call("PUT", f"{order.path}/variables", body)
        told = await client.call("GET", f"{order.path}/history?limit=1000")
        assert int(told.headers["annals-position"]) >= int(answer.headers["annals-position"])
        assert told.json()["history"][-1]["data"]["value"] == str(number)


async def test_what_is_encrypted_stays_it(client: EventClient) -> None:
    value = "the launch code is 0000"
    data = {"encoding": "text", "encrypted": True, "value": value}
    order = await follow(client, "order", variables=[{"name": "code", "data": data}])
    answer = await client.call("GET", f"{order.path}/history")
    (fact,) = [fact for fact in answer.json()["history"] if fact["type"] == "variable.set.v1"]
    assert fact["data"]["encrypted"] is True
    assert value.encode() not in base64.b64decode(fact["data"]["value"])
    assert value not in answer.text
    assert (await order.variables())["code"] == value


async def test_a_page_ends_at_so_many_bytes_but_has_a_fact_however_large_it_is(client: EventClient) -> None:
    order = await follow(client, "order")
    instance = (await order.row())["partition"]
    stream = f"instance-{instance}-{order.id}"
    before = len(await history(client, order))
    large = [VariableSet(10_000_000 + n, 1, f"v{n}", "text", "x" * 400_000) for n in range(5)]
    huge = VariableSet(10_000_009, 1, "huge", "text", "x" * 3_000_000)
    await client.appended(stream, *large, huge)
    sizes, after = [], before
    while True:
        part = await page(client, order, f"after={after}")
        sizes.append(part["count"])
        if part["next"] is None:
            break
        after = part["next"]
    assert sizes == [3, 3], "the first three have more than a megabyte, and the large one is told all the same"


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("after=x", "failed to parse value x"),
        ("after=-1", "after -1 must be greater than or equal to 0"),
        ("after=9223372036854775808", "failed to parse value 9223372036854775808"),
        ("after=1.5", "failed to parse value 1.5"),
        ("after=%00", "failed to parse value \0"),
        ("limit=x", "failed to parse value x"),
        ("limit=-3", "limit -3 must be greater than or equal to 0"),
        ("after=9223372036854775807", "version 9223372036854775807 is beyond the end of the history"),
    ],
)
async def test_what_cannot_be_asked_is_refused(client: EventClient, query: str, detail: str) -> None:
    order = await follow(client, "order")
    status, _, _, told = await client.refused("GET", f"{order.path}/history?{query}")
    assert (status, told) == (400, detail)


async def test_an_instance_that_is_not_there_has_no_history(client: EventClient) -> None:
    day = (await client.start())["partition"]
    for path in (f"{day}/999999", "1970-01-01/1"):
        refused = await client.refused("GET", f"/process-instances/{path}/history")
        title = "failed to get process instance history"
        assert refused == (404, "NOT_FOUND", title, f"process instance {path} could not be found")
    for path in (f"{day}/x", f"{day}/0", "today/1", f"{day}/99999999999"):
        assert (await client.refused("GET", f"/process-instances/{path}/history"))[0] == 400


async def test_another_tenants_instance_is_answered_like_one_that_is_not_there(client: EventClient) -> None:
    order = await completed_order(client)
    body = {"id": "acme", "name": "Acme", "plan": "enterprise"}
    await client.ok("POST", "/admin/tenants", body)
    theirs = await client.key("owner", "acme")
    missing = order.path.rpartition("/")[0] + "/888888"
    answers = [await client.call("GET", f"{path}/history", Authorization=theirs) for path in (order.path, missing)]
    assert [answer.status_code for answer in answers] == [404, 404]
    told = [answer.text.replace(path[19:], "#") for answer, path in zip(answers, (order.path, missing), strict=True)]
    assert told[0] == told[1]
    assert "#" in told[0]


async def test_a_fact_that_cannot_be_read_ends_a_page_and_then_refuses_with_its_position(
    client: EventClient, shared_database: str
) -> None:
    order = await completed_order(client)
    whole = await history(client, order)
    connection = await asyncpg.connect(shared_database)
    where = "where notification_id = $1"
    state = await connection.fetchval(f"select state from log.events {where}", whole[3]["position"])
    await connection.execute(f"update log.events set state = 'nonsense' {where}", whole[3]["position"])
    try:
        part = await page(client, order)
        assert (part["history"], part["next"]) == (whole[:3], 3)
        for after in (3, 5):
            answer = await client.call("GET", f"{order.path}/history?after={after}")
            assert answer.status_code == 503
            assert f"the event at position {whole[3]['position']}: cannot read" in answer.json()["detail"]
            assert answer.headers["retry-after"] == "10"
    finally:
        await connection.execute(f"update log.events set state = $2 {where}", whole[3]["position"], state)
        await connection.close()
    assert await history(client, order) == whole


async def test_a_fact_that_follows_from_nothing_is_told_like_one_that_cannot_be_read(
    client: EventClient, shared_database: str
) -> None:
    order = await completed_order(client)
    whole = await history(client, order)
    connection = await asyncpg.connect(shared_database)
    where = "where notification_id = $1"
    locked = next(fact for fact in whole if fact["type"] == "job.locked.v1")
    state = await connection.fetchval(f"select state from log.events {where}", locked["position"])
    await connection.execute(f"update log.events set state = '{{\"id\":777777}}' {where}", locked["position"])
    try:
        part = await page(client, order)
        assert part["next"] == locked["version"] - 1
        answer = await client.call("GET", f"{order.path}/history?after={part['next']}")
        assert answer.status_code == 503
        assert "does not follow from what was before it" in answer.json()["detail"]
    finally:
        await connection.execute(f"update log.events set state = $2 {where}", locked["position"], state)
        await connection.close()
