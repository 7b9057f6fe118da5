"""Entries as lines: of JSON, or of CSV (RFC 4180) that no spreadsheet takes for more than texts."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from api.answers import json_bytes
from api.audit.entries import AuditEntry
from api.log.telling import NDJSON

#: What makes a spreadsheet take a cell for a formula. An apostrophe before it makes the cell a text; what one may read
#: from it is then what stands behind that.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", "|", "%")
AS_TEXT = "'"

COLUMNS = (
    "position",
    "at",
    "recordedAt",
    "actorKind",
    "actorId",
    "action",
    "subject",
    "subjectId",
    "subjectPath",
    "correlationId",
    "causationId",
    "causePosition",
    "causeType",
    "summary",
)


class Form(NamedTuple):
    """How entries are written one after the other; ``begin`` comes before the first."""

    media_type: str
    begin: bytes
    write: Callable[[AuditEntry], bytes]
    file: str


def csv_line(entry: AuditEntry) -> bytes:
    """Return an entry as a line; every cell is in quotes."""
    cause = entry.cause
    return _line(
        (
            str(entry.position),
            entry.at,
            entry.recorded_at,
            entry.actor.kind,
            entry.actor.id,
            entry.action,
            entry.subject.stream,
            entry.subject.id,
            entry.subject.path,
            entry.correlation_id,
            entry.causation_id,
            None if cause is None else str(cause.position),
            None if cause is None else cause.type,
            entry.summary,
        )
    )


def cell(value: str | None) -> str:
    """Return a cell, in quotes."""
    text = value or ""
    if text.lstrip(" \u00a0").startswith(FORMULA):
        text = AS_TEXT + text
    doubled = text.replace('"', '""').replace("\0", "")
    return f'"{doubled}"'


def _line(cells: Iterable[str | None]) -> bytes:
    return (",".join(map(cell, cells)) + "\r\n").encode()


#: By the name in ``format``.
FORMS: Mapping[str, Form] = {
    "ndjson": Form(NDJSON, b"", json_bytes, "audit.ndjson"),
    "csv": Form("text/csv", _line(COLUMNS), csv_line, "audit.csv"),
}
