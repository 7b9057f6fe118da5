"""An audit of everything while instances are started, worked on and fail: nothing is found, for nothing was changed."""

import asyncio

from infra.audit.findings import Findings
from infra.audit.heads import Head
from infra.audit.verifying import verify_decision_tables, verify_log, verify_read_model
from infra.postgres import Link, connect
from projections.catalogue import READ_MODELS
from tests.contract.eventing import EventClient, event_client
from tests.integration.delivering import executed

MODELS = [model for model in READ_MODELS if model.name in {"jobs", "process_instances", "incident_list"}]


async def work(client: EventClient, stop: asyncio.Event) -> None:
    number = 0
    while not stop.is_set():
        await client.start(correlationKey=f"{number}")
        for job in await client.lock():
            number += 1
            await client.complete(job, **({"error": "no card"} if number % 3 == 0 else {}))


async def test_an_audit_beside_work_finds_nothing_and_heads_it_kept_hold(database: str) -> None:
    findings, kept = Findings(), list[Head]()
    async with event_client(database) as client:
        await client.deploy()
        stop = asyncio.Event()
        working = asyncio.create_task(work(client, stop))
        session = await connect(database, Link(name="audit", command_timeout=None))
        try:
            for _ in range(5):
                kept.append((await verify_log(session, findings, kept, lambda _done, _all: None)).head)
                await asyncio.sleep(0.1)
            await verify_decision_tables(session, findings, lambda _done, _all: None)
            for model in MODELS:
                await verify_read_model(client.node.pools.followers, model, "audit", findings, lambda _done, _all: None)
        finally:
            stop.set()
            await working
            await session.close()
    assert [str(finding) for finding in findings] == []
    assert kept[0].position < kept[-1].position


async def test_read_models_that_cannot_be_rebuilt_are_told_and_not_the_end_of_the_audit(database: str) -> None:
    findings = Findings()
    async with event_client(database) as client:
        await client.deploy()
        await client.start()
        await client.node.reading.caught_up([model.name for model in MODELS])
        await executed(database, "update log.events set happened_at = '0044-03-15 BC' where topic = 'job.created.v1'")
        for model in MODELS:
            await verify_read_model(client.node.pools.followers, model, "audit", findings, lambda _done, _all: None)
    assert {finding.check for finding in findings} == {"read models"}
    assert "cannot be compared" in "".join(str(finding) for finding in findings)
