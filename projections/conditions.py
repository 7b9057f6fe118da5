"""Narrowing a question down to what a client asks for (contracts/engine.md 1.3 and 1.5)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from projections.criteria import Page, TagFilter
from projections.database import Database
from projections.views import Tag


class Condition(NamedTuple):
    """A condition in SQL, with ``{}`` where its argument goes; ``leads`` says that it has an index of its own."""

    text: str
    argument: Any
    leads: bool = False


#: A test of the tenant that no index serves. Ids are unique over all tenants, so an index on one of them leads to few
#: rows. With a choice, the planner takes the primary key instead on a day that its statistics do not know yet, which is
#: every morning, and reads the whole day.
TENANT_ASIDE = "(tenant = $1) is true"


def equal(**columns: Any) -> list[Condition]:
    """Return a condition for each column whose value is given: neither none nor zero nor empty."""
    return [Condition(f"{column} = {{}}", value) for column, value in columns.items() if value]


def led_by(**columns: Any) -> list[Condition]:
    """Return the same for columns of ids that have an index of their own."""
    return [condition._replace(leads=True) for condition in equal(**columns)]


def aside(**columns: Any) -> list[Condition]:
    """Return the same in a form that no index serves, for where another one has to lead."""
    return [condition._replace(text=f"({condition.text}) is true") for condition in equal(**columns)]


def one_of(column: str, values: Sequence[str]) -> list[Condition]:
    """Return the condition that the column has one of these values, if there are any."""
    return [Condition(f"{column} = any({{}}::text[])", values)] if values else []


def tagged(tags: Iterable[TagFilter]) -> list[Condition]:
    """Return the conditions that the column ``tags`` has all of these; a GIN index serves both forms."""
    return [
        Condition("tags @> {}::jsonb", msgspec.json.encode({tag.name: tag.value}).decode())
        if tag.value
        else Condition("tags ? {}", tag.name)
        for tag in tags
    ]


async def rows_of(
    db: Database, question: str, tenant: str, conditions: Sequence[Condition], page: Page
) -> Sequence[Mapping[str, Any]]:
    """Ask a question whose ``$1`` is the tenant, ``$2`` the limit and ``$3`` the offset, narrowed by conditions.

    They take the place of ``/* criteria */``. Each set of conditions is a statement of its own, so that the database
    plans for the conditions that are there; a statement in which each can be switched off would use no index.
    """
    texts = [f"and {condition.text.format(f'${number}')}" for number, condition in enumerate(conditions, start=4)]
    if any(condition.leads for condition in conditions):
        question = question.replace("tenant = $1", TENANT_ASIDE, 1)
    arguments = (condition.argument for condition in conditions)
    statement = question.replace("/* criteria */", " ".join(texts))
    return await db.fetch(statement, tenant, page.limit, page.offset, *arguments)


def tags_of(column: str | None) -> tuple[Tag, ...]:
    """Read a column ``tags``, which is null where there are none; sorted by name."""
    if column is None:
        return ()
    tags: dict[str, str] = msgspec.json.decode(column)
    return tuple(Tag(name=name, value=value) for name, value in sorted(tags.items()))


def tags_column(tags: Mapping[str, str]) -> Mapping[str, str] | None:
    """Return what a column ``tags`` holds: nothing where there are none."""
    return tags or None
