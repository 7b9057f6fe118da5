"""Something of each kind that the APIs about incidents know, for requests to be about."""

from collections.abc import Mapping
from typing import NamedTuple

from tests.fuzz.reported import CHECKS, FEED, RULE, RULES, WEBHOOK, WEBHOOKS
from tests.fuzz.target import Target

REPORT = {"title": "Checkout is slow", "description": "Orders take a minute to be taken."}


class Standing(NamedTuple):
    """An open incident and another one, a check, a rule, an intake with its secret, and a webhook."""

    incident: str
    other: str
    check: str
    rule: str
    intake: str
    secret: str
    webhook: str

    @property
    def places(self) -> Mapping[str, str]:
        """Return the ids by what the paths begin with that they stand in."""
        return {
            "v1/incidents": self.incident,
            "v1/webhooks": "default/custom",
            "api/incidents": self.incident,
            "api/checks": self.check,
            "api/alerts/incidents": self.incident,
            "api/alerts/rules": self.rule,
            "admin/intakes": self.intake,
            "webhooks": self.webhook,
        }


async def standing(target: Target) -> Standing:
    """Make one of each for the tenant ``default``."""
    incident, other = [(await target.done("POST", FEED, REPORT))["incidentId"] for _ in range(2)]
    body = {"name": "Shop", "type": "http", "target_url": "https://shop.example.org/"}
    check = (await target.done("POST", CHECKS, body))["data"]["check"]["id"]
    rule = (await target.done("POST", RULES, RULE))["rule"]["_id"]
    opening = {"tenantId": "default", "provider": "custom", "name": "a sender"}
    intake = await target.done("POST", "/admin/intakes", opening)
    webhook = (await target.done("POST", WEBHOOKS, WEBHOOK))["id"]
    return Standing(incident, other, check, rule, intake["id"], intake["secret"], webhook)
