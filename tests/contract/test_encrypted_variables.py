"""Encrypted variables from the outside: kept as ciphertext, bound to their place, refused without keys (2.15)."""

from typing import Any

import asyncpg

from infra.following.applying import LIVE
from tests.contract.administering import OWNER, Callers, callers

KEYS = (bytes([1]) * 32,)
IBAN = "DE02120300000000202051"
MODEL = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL">
  <process id="p" isExecutable="true">
    <startEvent id="begun" /><serviceTask id="work" /><endEvent id="done" />
    <sequenceFlow id="a" sourceRef="begun" targetRef="work" /><sequenceFlow id="b" sourceRef="work" targetRef="done" />
  </process>
</definitions>"""


async def start(node: Callers) -> str:
    """Start an instance and return its path."""
    process = {"bpmnProcessId": "p", "version": "1", "bpmnXml": MODEL, "workerId": "w"}
    assert (await node.ask(OWNER, "POST", "/processes", process)).status_code == 201
    started = await node.ask(
        OWNER, "POST", "/process-instances", {"bpmnProcessId": "p", "version": "1", "workerId": "w"}
    )
    return f"/process-instances/{started.json()['partition']}/{started.json()['id']}/variables"


async def keep(node: Callers, path: str, value: str) -> Any:
    variable = {"name": "iban", "data": {"encoding": "text", "encrypted": True, "value": value}}
    return await node.ask(OWNER, "PUT", path, {"workerId": "w", "variables": [variable]})


async def test_an_encrypted_value_is_read_back_and_stands_nowhere_in_the_database(database: str) -> None:
    async with callers(database, encryption_keys=KEYS) as node:
        path = await start(node)
        assert (await keep(node, path, IBAN)).status_code == 204
        (variable,) = (await node.ask(OWNER, "GET", path)).json()["variables"]
        assert variable["data"] == {"encoding": "text", "encrypted": True, "value": IBAN}
        connection = await asyncpg.connect(database)
        tables = "select format('%I.%I', schemaname, tablename) as name from pg_tables where tableowner = current_user"
        names = [row["name"] for row in await connection.fetch(tables) if not row["name"].startswith(("pg_", "inf"))]
        assert {"log.events", "log.snapshots", f"{LIVE}.variables"} <= set(names)
        for name in names:
            rows = await connection.fetch(f"select t.* from {name} as t")
            assert not [row for row in rows if IBAN in repr(tuple(row))], name
        await connection.close()


async def test_two_ciphertexts_that_change_places_are_not_read(database: str) -> None:
    async with callers(database, encryption_keys=KEYS) as node:
        paths = [await start(node), await start(node)]
        for number, path in enumerate(paths):
            await keep(node, path, f"value {number}")
            assert f"value {number}" in (await node.ask(OWNER, "GET", path)).text
        connection = await asyncpg.connect(database)
        await connection.execute(
            f"update {LIVE}.variables as mine set value = other.value from {LIVE}.variables as other"
            " where other.process_instance_id <> mine.process_instance_id"
        )
        await connection.close()
        for path in paths:
            answer = await node.ask(OWNER, "GET", path)
            assert (answer.status_code, answer.json()["type"]) == (400, "VALIDATION")
            assert "value" not in answer.text


async def test_without_keys_neither_writing_nor_reading_is_a_failure_of_ours(database: str) -> None:
    async with callers(database, encryption_keys=KEYS) as node:
        path = await start(node)
        await keep(node, path, IBAN)
    async with callers(database) as node:
        for answer in (await keep(node, path, IBAN), await node.ask(OWNER, "GET", path)):
            assert (answer.status_code, answer.json()["type"]) == (400, "VALIDATION")
            assert answer.json()["detail"] == "no encryption keys are configured"
