"""docs/api.md says what clients need to know; what can be counted in it is complete."""

import re
from pathlib import Path

import msgspec
import pytest

from api.identity import CHALLENGE
from api.problems import KINDS
from commands.jobs import JobCompletion
from domain.bpmn.events import JobType
from domain.bpmn.graph import ElementType
from tests.contract.administering import callers
from tests.contract.engine_contract import IN_CONTRACT, OURS, contract

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def table_under(heading: str) -> list[list[str]]:
    """Return the cells of the first table of a section."""
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\|(.*)\|$", section, re.MULTILINE)[2:]
    return [[cell.strip() for cell in row.split("|")] for row in rows]


def test_every_type_of_job_is_told_with_what_it_asks_for() -> None:
    rows = table_under("What a job asks for")
    assert sorted(row[0].strip("`") for row in rows) == sorted(JobType)
    named = {name for row in rows for name in re.findall(r"`([a-z]\w+)`", row[2])}
    assert {field.encode_name for field in msgspec.structs.fields(JobCompletion)} <= named


def test_words_beyond_the_contract_are_told() -> None:
    told = {
        row[0]: set(re.findall(r"`([A-Z_]+)`", row[1]))
        for row in table_under("Clients that know the contract's words only")
    }
    assert told["`bpmnElementType`"] == {str(word) for word in list(ElementType)[IN_CONTRACT:]}
    words = set(contract()["enums"]["ProblemType"]) | {"UNKNOWN"}
    assert told["problem `type`"] - {"NOT_FOUND"} == {kind.type for kind in KINDS.values()} - words


@pytest.mark.parametrize("path", [place for _, place, _ in OURS.values()])
def test_operations_beyond_the_contract_are_told(path: str) -> None:
    assert path in PAGE


def test_every_scheme_of_the_challenge_is_among_the_forms_of_a_key() -> None:
    forms = " ".join(row[1] for row in table_under("Credentials and limits"))
    assert all(scheme in forms for scheme in re.findall(r"(\w+) realm", CHALLENGE))


async def test_operations_about_incidents_and_of_the_administration_are_told(database: str) -> None:
    async with callers(database) as node:
        paths = (await node.client.get("/schema/openapi.json")).json()["paths"]
    told = {"feed", "uptime", "alerts", "administration", "insight", "webhooks"}
    mine = {path for path, methods in paths.items() for about in methods.values() if told.intersection(about["tags"])}
    assert len(mine) > 30
    as_written = {re.sub(r"\{\w*id\}", "{id}", path.replace("{tenant_id}", "{tenantId}")) for path in mine}
    assert {path for path in as_written if path not in PAGE} == set()
