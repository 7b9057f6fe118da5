"""The short form of the campaign of generated requests; the long form is a command (tests/fuzz/campaign.py)."""

import asyncio

import pytest

from tests.faults.node import KEY
from tests.fuzz.campaign import report, rounds
from tests.fuzz.generating import attack
from tests.fuzz.target import Target

REQUESTS = 1_500
SEED = 20
MOST_GOES = 8

#: What a stateful test has to get to, or it tests refusals only.
REACHED = {
    "POST /processes",
    "POST /process-instances",
    "POST /jobs/lock",
    "PATCH /jobs/{partition}/{id}/complete",
    "PATCH /process-instances/{partition}/{id}/suspend",
    "GET /process-instances/{partition}/{id}/variables",
    "GET /processes/{id}/bpmn-xml",
}


@pytest.mark.timeout(600)  # several goes on a slow machine
async def test_generated_requests_get_the_answers_that_the_document_promises(target: Target) -> None:
    reached: set[str] = set()
    for seed in range(SEED, SEED + MOST_GOES):  # chance decides which of the rarer answers come in one go
        figures = await asyncio.to_thread(attack, target.node.url, KEY, rounds(REQUESTS, seed), REQUESTS)
        print(report(figures, 0))
        assert figures.wrong == []
        assert figures.requests >= REQUESTS
        reached.update(figures.succeeded)
        if reached >= REACHED:
            return
    assert reached >= REACHED
