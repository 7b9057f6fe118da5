"""What events are about: streams, with the ids by which clients know what they are about, and where to see it."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from api.incidents.ids import CHECK_IDS, INCIDENT_IDS, RULE_IDS, Ids
from api.webhooks.ids import WEBHOOK_IDS


class Subject(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stream; ``id`` is how clients know what it is about, ``path`` where this API shows it, where it does."""

    stream: str
    id: str | None = None
    path: str | None = None


class _Form(NamedTuple):
    """How what a stream is about is known: its id from what is behind the first hyphen, and a path with that id."""

    id: Callable[[str], str | None]
    path: str = ""


_IN_PARTITION = re.compile(r"(\d{4}-\d\d-\d\d)-(\d{1,10})", re.ASCII)
_INSTANCE = re.compile(r"(\d{4}-\d\d-\d\d)[/-](\d{1,10})", re.ASCII)


def _numbered(rest: str) -> str | None:
    found = _IN_PARTITION.fullmatch(rest)
    return None if found is None else f"{found[1]}/{found[2]}"


def _itself(rest: str) -> str | None:
    return rest


def _behind_tenant(rest: str) -> str | None:
    return rest.partition("-")[2] or None


#: By what streams begin with.
FORMS: Mapping[str, _Form] = {
    "instance": _Form(_numbered, "/process-instances/{}/history"),
    "task": _Form(_numbered),
    "process": _Form(_behind_tenant),
    "queue": _Form(_behind_tenant),
    "signal": _Form(_itself),
    "incident": _Form(INCIDENT_IDS.of, "/v1/incidents/{}/history"),
    "check": _Form(CHECK_IDS.of, "/api/checks/{}"),
    "rule": _Form(RULE_IDS.of, "/api/alerts/rules/{}"),
    "webhook": _Form(WEBHOOK_IDS.of, "/webhooks/{}"),
    "intake": _Form(_itself),
    "tenant": _Form(_itself),
    "key": _Form(_itself),
}

#: By the name of their streams, what has ids of its own.
_IDS: Mapping[str, Ids] = {
    "incident": INCIDENT_IDS,
    "check": CHECK_IDS,
    "rule": RULE_IDS,
    "webhook": WEBHOOK_IDS,
}


def subject_of(stream: str) -> Subject:
    """Return what a stream is about."""
    kind, _, rest = stream.partition("-")
    form = FORMS.get(kind)
    known = form.id(rest) if form is not None and rest else None
    if form is None or known is None:
        return Subject(stream)
    return Subject(stream, known, form.path.format(known) or None)


def stream_in(text: str) -> str:
    """Return the stream that is meant by its name, or by the id of what it is about, as clients know that.

    These are ``inc_``, ``chk_``, ``rule_`` and ``whk_`` with a ULID, and partition and id of a process instance, as in
    its path (``2026-11-23/1``) or with a hyphen.
    """
    for kind, ids in _IDS.items():
        if ulid := ids.ulid(text):
            return f"{kind}-{ulid}"
    instance = _INSTANCE.fullmatch(text)
    return f"instance-{instance[1]}-{instance[2]}" if instance else text
