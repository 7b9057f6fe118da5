"""Read models are rebuilt and verified under a client that goes on: each query is answered, with all written before."""

import asyncio
from typing import Any

from infra.following.rebuilding import rebuild
from infra.following.verifying import verify
from projections.catalogue import READ_MODELS
from projections.read_model import ReadModel
from tests.contract.eventing import EventClient, event_client

#: What the client's queries are answered from.
ASKED = tuple(model for model in READ_MODELS if model.name in {"process_instances", "jobs", "incident_list"})


class Goer:
    """Starts instances, has some of them fail, and asks for each what it has just written."""

    def __init__(self, client: EventClient) -> None:
        self.client = client
        self.rounds = 0
        self.stopped = False

    async def go_on(self) -> None:
        while not self.stopped:
            instance = await self.client.start()
            row = {"partition": instance["partition"], "id": instance["id"]}
            assert [found["state"] for found in await self.client.rows("process-instances", **row)] == ["STARTED"]
            (job,) = await self.client.rows("jobs", partition=row["partition"], processInstanceId=row["id"])
            assert job["state"] == "DUE"
            incident = (await self.client.created(title=f"Round {self.rounds}"))["incidentId"]
            newest = (await self.client.page("limit=1"))["incidents"]
            assert [found["incidentId"] for found in newest] == [incident]
            self.rounds += 1

    async def until(self, rounds: int) -> None:
        async with asyncio.timeout(120):
            while self.rounds < rounds:  # noqa: ASYNC110  (what is waited for is counted)
                await asyncio.sleep(0.01)


async def test_queries_are_answered_with_all_written_before_while_their_tables_are_rebuilt(database: str) -> None:
    async with event_client(database) as client:
        await client.deploy()
        goer = Goer(client)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(goer.go_on())
            await goer.until(5)
            for number in range(3):
                for model in ASKED:
                    before = await oid_of(client, model)
                    await rebuild(client.node.pools.followers, model, f"operator {number}")
                    assert await oid_of(client, model) != before
                    assert await verify(client.node.pools.followers, model, f"operator {number}") == []
            await goer.until(goer.rounds + 5)
            goer.stopped = True
        for model in ASKED:
            assert await verify(client.node.pools.followers, model, "operator") == []


async def oid_of(client: EventClient, model: ReadModel) -> Any:
    return await client.node.pools.queries.fetchval("select $1::text::regclass::oid::bigint", f"read.{model.tables[0]}")
