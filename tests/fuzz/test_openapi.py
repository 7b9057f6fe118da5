"""The short form of the campaign of generated requests; the long form is a command (tests/fuzz/campaign.py)."""

import asyncio

import pytest

from tests.faults.node import KEY
from tests.fuzz.campaign import report, rounds
from tests.fuzz.generating import INCIDENTS, OTHERS, attack
from tests.fuzz.target import Target

REQUESTS = 1_200
SEED = 20
MOST_GOES = 8

#: What a stateful test has to get to, or it tests refusals only.
OF_THE_ENGINE = {
    "POST /processes",
    "POST /process-instances",
    "POST /jobs/lock",
    "PATCH /jobs/{partition}/{id}/complete",
    "PATCH /process-instances/{partition}/{id}/suspend",
    "GET /process-instances/{partition}/{id}/variables",
    "GET /processes/{id}/bpmn-xml",
}


OF_INCIDENTS = {
    "GET /v1/incidents/{incident_id}",
    "GET /v1/incidents/{incident_id}/history",
    "PATCH /v1/incidents/{incident_id}",
    "POST /v1/incidents/{incident_id}/merge",
    "POST /v1/webhooks/{tenant_id}/{provider}",
    "GET /api/incidents/{id}",
    "PUT /api/incidents/{id}/status",
    "GET /api/incidents/{id}/updates",
    "PATCH /api/checks/{id}",
    "POST /api/checks/{id}/results",
    "PATCH /api/alerts/incidents/{incident_id}",
    "PUT /api/alerts/rules/{rule_id}",
    "DELETE /api/alerts/rules/{rule_id}",
    "POST /api/alerts/samples",
    "DELETE /admin/intakes/{id}",
}


@pytest.mark.timeout(600)  # several goes on a slow machine
@pytest.mark.parametrize(
    ("area", "to_reach"), [(OTHERS, OF_THE_ENGINE), (INCIDENTS, OF_INCIDENTS)], ids=["engine", "incidents"]
)
async def test_generated_requests_get_the_answers_that_the_document_promises(
    target: Target, area: str, to_reach: set[str]
) -> None:
    reached: set[str] = set()
    for seed in range(SEED, SEED + MOST_GOES):  # chance decides which of the rarer answers come in one go
        figures = await asyncio.to_thread(attack, target.node.url, KEY, rounds(REQUESTS, seed, area), REQUESTS)
        print(report(figures, 0))
        assert figures.wrong == []
        assert figures.requests >= REQUESTS
        reached.update(figures.succeeded)
        if reached >= to_reach:
            return
    assert sorted(to_reach - reached) == []
