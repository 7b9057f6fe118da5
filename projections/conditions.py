"""Narrowing a question down to what a client asks for (contracts/engine.md 1.3 and 1.5)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from projections.criteria import Page, TagFilter
from projections.database import Database
from projections.views import Tag

#: A condition in SQL, with ``{}`` where its argument goes, and the argument.
Condition = tuple[str, Any]


def equal(**columns: Any) -> list[Condition]:
    """Return a condition for each column whose value is given: neither none nor zero nor empty."""
    return [(f"{column} = {{}}", value) for column, value in columns.items() if value]


def one_of(column: str, values: Sequence[str]) -> list[Condition]:
    """Return the condition that the column has one of these values, if there are any."""
    return [(f"{column} = any({{}}::text[])", values)] if values else []


def tagged(tags: Iterable[TagFilter]) -> list[Condition]:
    """Return the conditions that the column ``tags`` has all of these; a GIN index serves both forms."""
    return [
        ("tags @> {}::jsonb", msgspec.json.encode({tag.name: tag.value}).decode())
        if tag.value
        else ("tags ? {}", tag.name)
        for tag in tags
    ]


async def rows_of(
    db: Database, question: str, tenant: str, conditions: Iterable[Condition], page: Page
) -> Sequence[Mapping[str, Any]]:
    """Ask a question whose ``$1`` is the tenant, ``$2`` the limit and ``$3`` the offset, narrowed by conditions.

    They take the place of ``/* criteria */``. Each set of conditions is a statement of its own, so that the database
    plans for the conditions that are there; a statement in which each can be switched off would use no index.
    """
    texts: list[str] = []
    arguments: list[Any] = [tenant, page.limit, page.offset]
    for text, argument in conditions:
        arguments.append(argument)
        texts.append("and " + text.format(f"${len(arguments)}"))
    return await db.fetch(question.replace("/* criteria */", " ".join(texts)), *arguments)


def tags_of(column: str | None) -> tuple[Tag, ...]:
    """Read a column ``tags``, which is null where there are none; sorted by name."""
    if column is None:
        return ()
    tags: dict[str, str] = msgspec.json.decode(column)
    return tuple(Tag(name=name, value=value) for name, value in sorted(tags.items()))


def tags_column(tags: Mapping[str, str]) -> str | None:
    """Write a column ``tags``."""
    return msgspec.json.encode(tags).decode() if tags else None
