"""What the evaluation of alert rules asks about incidents (docs/alerting.md)."""

from collections.abc import Mapping
from pathlib import Path

from domain.alerting.measuring import Window
from domain.incidents.status import UNRESOLVED
from projections.database import Database, named_queries
from projections.incident_list.rows import subject_of

SQL = named_queries(Path(__file__).with_name("queries.sql"))

#: The column of each key of a rule's scope; only incidents of processes have these.
COLUMNS: Mapping[str, str] = {"processKey": "process_key", "version": "version", "activityId": "activity_id"}

Scope = Mapping[str, str]


async def process_incidents(db: Database, tenant: str, window: Window, scope: Scope) -> int:
    """Return how many incidents processes raised in a window."""
    question = _narrowed(SQL["opened_between"], scope, 4)
    number: int = await db.fetchval(question, tenant, *window, *scope.values())
    return number


async def unresolved_incidents(db: Database, tenant: str, scope: Scope, without_rule: str) -> int:
    """Return how many incidents somebody still has to work on, without those that a rule (a ULID) opened.

    Without a scope that is known from the counts that are kept, however many there are.
    """
    if scope:
        question, without = _narrowed(SQL["unresolved"], scope, 4), without_rule
    else:
        question, without = SQL["unresolved_in_all"], subject_of(None, without_rule)
    number: int = await db.fetchval(question, tenant, sorted(UNRESOLVED), without, *scope.values())
    return number


def _narrowed(question: str, scope: Scope, first: int) -> str:
    conditions = [f" and {COLUMNS[key]} = ${number}" for number, key in enumerate(scope, start=first)]
    return question.replace("/* scope */", "".join(conditions))
