"""Correlation keys that no text that is kept may be (contracts/engine.md, decision 7; 3.3 no. 20)."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.following import follow
from tests.contract.working import Client, engine_client
from tests.modelling import bpmn

CATCHING = bpmn("s:startEvent c:messageCatch~paid e:endEvent", "s>c c>e")


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Client]:
    async with engine_client(database, task_executor_enabled=False) as client:
        yield client


@pytest.mark.parametrize("member", ["correlationKey", "name", "uniqueKey"])
async def test_a_nul_character_in_a_message_is_refused(engine: Client, member: str) -> None:
    body = {"name": "paid", "correlationKey": "42", "uniqueKey": "u", "workerId": "sender", member: "a\0b"}
    answer = await engine.call("POST", "/messages", body)
    assert (answer.status_code, answer.json()["type"]) == (400, "HTTP_REQUEST_BODY")
    assert await engine.rows("messages") == []


async def test_a_nul_character_in_the_key_that_a_worker_says_is_refused_and_the_job_stays(engine: Client) -> None:
    await engine.deploy(CATCHING, "p")
    instance = await follow(engine)
    job = await instance.job("c")
    body = {"workerId": "worker", "completion": {"messageCorrelationKey": "a\0b"}}
    answer = await engine.call("PATCH", f"/jobs/{job['partition']}/{job['id']}/complete", body)
    assert (answer.status_code, answer.json()["type"]) == (400, "HTTP_REQUEST_BODY")
    assert await instance.jobs() == ["c SET_MESSAGE_CORRELATION_KEY LOCKED"]
