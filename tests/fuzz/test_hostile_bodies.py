"""Bodies that no honest client sends, for every operation of the OpenAPI document and every field of its body."""

import asyncio
import hashlib
import hmac
import json
import random
import string
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.fuzz.fields import TEXT, Document, Field, Operation
from tests.fuzz.refusing import is_told
from tests.fuzz.standing import Standing
from tests.fuzz.target import CATCH_UP, MODEL, PROCESS, SMALL, Reply, Target
from tests.story import bpmn

pytestmark = pytest.mark.usefixtures("unharmed")

#: Stands in a body for text that is no JSON value of Python's.
HERE = "@here@"

#: What each kind of field does not take: the contract's reference refuses it, and Annals with it.
WRONG: Mapping[str, Iterable[str]] = {
    "string": ("1", "1.5", "true", "[]", "{}", '["x"]'),
    "integer": (
        '"1"',
        "1.5",
        "1.0",
        "true",
        "[]",
        "{}",
        "1e400",
        "9" * 5_000,
        "1e3",
        '""',
    ),
    "int32": ("2147483648", "-2147483649"),
    "int64": ("9223372036854775808", "-9223372036854775809"),
    "number": ('"1"', "true", "[]", "{}", "1e400", "-1e400", "NaN", "Infinity", "9" * 5_000, '""'),
    "boolean": ('"true"', "1", "0", "[]", "{}"),
    "array": ('"x"', "1", "true", "{}", "[[[]]]"),
    "object": ('"x"', "1", "true", "[]"),
    "None": ('"NONE_OF_THEM"', "1", "true", "[]", "{}"),
    "date": ('"2026-13-01"', '"0000-01-01"', '"10000-01-01"', '"20261120"', '"today"', '"2026-11-20T00:00:00Z"'),
    "date-time": (
        '"2026-11-20"',
        '"now"',
        '"2026-11-20T25:00:00Z"',
        '"0001-01-01T00:00:00+23:59"',
        '"2026-11-20 00:00Z"',
    ),
    "enum": ('"none of them"', '"\\u0000"', "1"),
}

#: What no text that is kept may hold: a NUL character, halves of surrogate pairs.
UNSTORABLE = ('"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\udc00a"', '"a\\udfff\\ud800"')


@pytest.fixture
async def document(target: Target, about: Standing) -> Document:
    """Return the node's document, for requests about an instance that waits and one that is stuck."""
    deployment = {"bpmnProcessId": PROCESS, "version": TEXT, "bpmnXml": MODEL, "workerId": TEXT}
    process = await target.done("POST", "/processes", deployment)
    job, other = [await _locked(target) for _ in range(2)]
    await target.done("PATCH", f"/jobs/{_place(other)}/complete", {"workerId": TEXT, "error": "no"})
    within = {"partition": other["partition"], "processInstanceId": other["processInstanceId"]}
    (incident,) = (await target.done("POST", "/incidents/query", within))["results"]
    places = {
        **about.places,
        "processes": str(process["id"]),
        "process-instances": f"{job['partition']}/{job['processInstanceId']}",
        "element-instances": f"{job['partition']}/{job['elementInstanceId']}",
        "jobs": _place(job),
        "incidents": _place(incident),
        "admin": "default",
    }
    known: dict[str, Any] = {
        "bpmnProcessId": PROCESS,
        "bpmnXml": MODEL,
        "tenantId": "default",
        "metric": "errors",
        "module": "custom",
    }
    known |= {"into": about.other, "value": 1}
    return Document(await target.done("GET", "/schema/openapi.json"), places, known, about.secret)


async def _locked(target: Target) -> Any:
    instance = await target.done(
        "POST", "/process-instances", {"bpmnProcessId": PROCESS, "version": TEXT, "workerId": "w"}
    )
    wanted = {"partition": instance["partition"], "processInstanceId": instance["id"]}
    (job,) = (await target.done("POST", "/jobs/lock", {"limit": 1, "workerId": TEXT, **wanted}))["jobs"]
    return job


def _place(row: Mapping[str, Any]) -> str:
    return f"{row['partition']}/{row['id']}"


def written(field: Field, value: str) -> bytes:
    """Return the field's body with this JSON in it, as it is."""
    return json.dumps(field.body_with(HERE)).replace(f'"{HERE}"', value).encode()


async def sent(target: Target, operation: Operation, body: Any, headers: Mapping[str, str] | None = None) -> Reply:
    """Send a body, signed where that is asked for."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    if not operation.secret:
        return await target.ask(operation.method, operation.path, raw, headers=headers)
    signature = f"sha256={hmac.new(operation.secret.encode(), raw, hashlib.sha256).hexdigest()}"
    signed = {"X-Webhook-Signature": signature, **(headers or {})}
    return await target.ask(operation.method, operation.path, raw, None, signed)


async def refused(target: Target, operation: Operation, body: bytes) -> str:
    """Send a body; return an empty text when it was refused as a body that is wrong, else what came instead."""
    reply = await sent(target, operation, body)
    if reply.status == 400 and is_told(reply, operation.path):
        return ""
    return f"{operation.name} {body[:200]!r}: {reply.status} {reply.body[:200]!r}"


async def all_refused(target: Target, attacks: Iterable[tuple[Operation, bytes]]) -> list[str]:
    """Send bodies, eight at a time; return those that were not refused. Nothing may have been stored."""
    position, gate = await target.position(), asyncio.Semaphore(8)

    async def attack(operation: Operation, body: bytes) -> str:
        async with gate:
            return await refused(target, operation, body)

    found = await asyncio.gather(*(attack(*each) for each in attacks))
    assert await target.position() == position
    return [each for each in found if each]


def nested(depth: int) -> Iterator[bytes]:
    yield b"[" * depth
    yield b"[" * depth + b"]" * depth
    yield b'{"a":' * depth
    yield b'{"a":' * depth + b"1" + b"}" * depth


NO_BODIES: Mapping[str, bytes] = {
    "null": b"null",
    "nothing": b"",
    "blanks": b" \r\n\t ",
    "an array": b"[]",
    "a text": b'"x"',
    "a number": b"1",
    "a text that never ends": b'{"workerId": "',
    "an object that never ends": b"{",
    "a name without a value": b'{"workerId"',
    "a comma too much": b'{"workerId": "w",}',
    "a comment": b'/* */ {"workerId": "w"}',
    "single quotes": b"{'workerId': 'w'}",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"workerId": "w"}'.encode("utf-16"),
    "UTF-32": '{"workerId": "w"}'.encode("utf-32"),
    "bytes that are no UTF-8": b'{"workerId": "\xff\xfe"}',
    "an overlong NUL": b'{"workerId": "\xc0\x80"}',
    "half a surrogate pair in UTF-8": b'{"workerId": "\xed\xa0\x80"}',
    "a NUL byte": b'{"workerId": "a\x00b"}',
    "a control character": b'{"workerId": "a\nb"}',
    "a broken escape": b'{"workerId": "\\x41"}',
    "half an escape": b'{"workerId": "\\u00',
    "an unknown field": b'{"sudo": true}',
    "an unknown field of 900 kB": b'{"' + b"a" * 900_000 + b'": 1}',
    "100,000 unknown fields": b"{" + b",".join(b'"a%d":1' % number for number in range(70_000)) + b"}",
    "no number": b'{"limit": NaN}',
    "no end": b'{"limit": Infinity}',
    "a number of 900 kB": b'{"limit": ' + b"9" * 900_000 + b"}",
    "a fraction of 900 kB": b'{"limit": 0.' + b"9" * 900_000 + b"}",
    "an exponent of 900 kB": b'{"limit": 1e' + b"9" * 900_000 + b"}",
    "escapes of 900 kB": b'{"' + b"\\u0041" * 150_000 + b'": 1}',
    **{
        f"{depth} levels of {each[:4].decode()} {'closed' if each[-1:] in b']}' else 'open'}": each
        for depth in (101, 1_000, 10_000, 100_000, 500_000)
        for each in nested(depth)
        if len(each) < 1_048_576
    },
    "a million brackets": b"[" * 1_000_000,
}


@pytest.mark.parametrize("body", NO_BODIES.values(), ids=NO_BODIES)
async def test_what_is_no_body_is_refused_by_every_operation(target: Target, document: Document, body: bytes) -> None:
    attacks = [(operation, body) for operation in document.operations() if body or not operation.is_optional]
    assert len(attacks) > 40
    assert await all_refused(target, attacks) == []


async def test_a_body_with_a_member_more_is_refused_by_every_operation(target: Target, document: Document) -> None:
    """A member that nobody knows was meant for something; where it stands does not count."""
    attacks = [
        (operation, json.dumps(body).encode())
        for operation in document.operations()
        for body in ({**operation.least, "sudo": True}, {"sudo": None, **operation.least})
    ]
    assert len(attacks) > 80
    assert await all_refused(target, attacks) == []


async def test_every_field_refuses_values_of_every_other_type(target: Target, document: Document) -> None:
    attacks = [
        (field.operation, written(field, value))
        for field in document.fields()
        for value in (*WRONG[field.kind], *WRONG.get(field.format, ()))
    ]
    assert len(attacks) > 1_000
    assert await all_refused(target, attacks) == []


async def test_every_text_refuses_what_cannot_be_stored(target: Target, document: Document) -> None:
    attacks = [
        (field.operation, written(field, value))
        for field in document.fields()
        if field.kind == "string"
        for value in UNSTORABLE
    ]
    assert len(attacks) > 300
    assert await all_refused(target, attacks) == []


async def test_every_list_has_an_end(target: Target, document: Document) -> None:
    """Lists of commands have 100 items at most; those of criteria that the contract leaves open have to be survived."""
    for field in document.fields():
        if field.kind == "array":
            item = field.body_with([HERE])
            one = json.dumps(_least_item(document, field))
            body = json.dumps(item).replace(f'"{HERE}"', ", ".join([one] * (900_000 // (len(one) + 2)))).encode()
            reply = await sent(target, field.operation, body)
            assert reply.status in {200, 400, 404}, (str(field), reply.body[:200])
            assert len(reply.body) < 2_000_000


def _least_item(document: Document, field: Field) -> Any:
    """Return the item that a least body makes where something lies below the list."""
    for other in document.fields():
        if other.operation.name == field.operation.name and other.steps[:-1] == (*field.steps, 0):
            made: Any = other.body_with("x")
            for step in (*field.steps, 0):
                made = made[step]
            return made
    return "x"


async def test_nested_deeply_inside_a_field_it_is_refused(target: Target, document: Document) -> None:
    deep = "[" * 5_000 + "]" * 5_000
    assert await all_refused(target, [(field.operation, written(field, deep)) for field in document.fields()]) == []


async def test_null_means_not_given_wherever_it_stands(target: Target, document: Document) -> None:
    """A field that is required is then missing; any other body is one that the operation understands."""
    for field in document.fields():
        reply = await sent(target, field.operation, written(field, "null"))
        assert reply.status in {200, 201, 204, 400, 404, 409, 422}, (str(field), reply)


async def test_of_a_name_that_is_repeated_the_last_value_counts(target: Target) -> None:
    once = {"bpmnProcessId": "well", "version": "nowhere", "workerId": "w"}
    twice = json.dumps(once)[:-1] + ', "version": "elsewhere", "Version": "somewhere"}'
    reply = await target.ask("POST", "/process-instances", twice.encode())
    assert reply.told["detail"] == "process well:somewhere could not be found"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "é"]
)
async def test_another_kind_of_body_is_refused_by_every_operation(
    target: Target, document: Document, kind: str
) -> None:
    for operation in document.operations():
        reply = await sent(target, operation, b"{}", {"Content-Type": kind})
        assert reply.status == 415, operation.name
        assert is_told(reply, operation.path), reply


def noise(length: int) -> str:
    """Return a text that no compression makes shorter: an index entry of it is as long as it is."""
    return "".join(random.Random(length).choices(string.ascii_letters + string.digits, k=length))


@pytest.mark.parametrize("length", [256, 2_800, 9_000, 900_000])
async def test_texts_of_any_length_are_refused_or_kept_but_stop_nothing(
    target: Target, document: Document, length: int
) -> None:
    for field in document.fields():
        if field.kind == "string":
            reply = await sent(target, field.operation, field.body_with(noise(length)))
            assert reply.status < 500, (str(field), reply)
            assert len(reply.body) < 2_000_000, str(field)
    await target.assert_followed()


#: 255 characters of four bytes, in UTF-8 as in PostgreSQL.
WIDE = "".join(map(chr, random.Random(7).sample(range(0x20000, 0x2A6DF), 255)))


async def test_the_longest_texts_there_may_be_live_through_everything(target: Target) -> None:
    """They come into every index that has a text in it: 255 characters of four bytes, beside each other."""
    model = bpmn("s:startEvent t:serviceTask e:endEvent", "s>t t>e", WIDE[::-1]).replace('"t"', f'"{WIDE}"')
    tags = [{"name": noise(255), "value": WIDE}, {"name": "t", "value": WIDE[::-1]}]
    names = {"bpmnProcessId": WIDE[::-1], "version": WIDE, "workerId": WIDE}
    await target.done("POST", "/processes", {**names, "bpmnXml": model, "tags": tags})
    variable = {"name": noise(255), "data": {"encoding": WIDE, "value": "1"}}
    instance = await target.done(
        "POST", "/process-instances", {**names, "correlationKey": WIDE, "tags": tags, "variables": [variable]}
    )
    place = {"partition": instance["partition"], "processInstanceId": instance["id"]}
    (job,) = (await target.done("POST", "/jobs/lock", {"limit": 1, "workerId": WIDE, **place}))["jobs"]
    failed = {"workerId": WIDE, "error": WIDE * 100}
    reported = await target.done("PATCH", f"/jobs/{job['partition']}/{job['id']}/complete", failed)
    assert reported["error"] == (WIDE * 100)[:10_000]
    (incident,) = (await target.done("POST", "/incidents/query", place))["results"]
    await target.done("PATCH", f"/incidents/{incident['partition']}/{incident['id']}/resolve", {"workerId": WIDE})
    await target.assert_followed()
    key = {"processKey": WIDE[::-1], "version": WIDE}
    rows = await target.done("GET", f"/incidents/heatmap?{urlencode(key)}")
    assert {row["actId"] for row in rows} >= {WIDE}
    found = await target.done("POST", "/process-instances/query", {"tags": tags})
    assert [row["id"] for row in found["results"]] == [instance["id"]]


async def test_large_bodies_at_once_stay_within_bounds_and_hold_up_nobody(target: Target) -> None:
    variable = {"name": "v", "data": {"encoding": "x", "value": "y" * 1_000_000}}
    body = json.dumps({"workerId": "w", "variables": [variable]}).encode()
    path = "/process-instances/2026-11-20/2000000000/variables"
    attacks = [asyncio.create_task(target.ask("PUT", path, body)) for _ in range(64)]
    beside = [await target.ask("GET", "/healthz") for _ in range(20)]
    replies: list[Reply] = await asyncio.gather(*attacks)
    assert {reply.status for reply in replies} == {404}
    assert max(reply.seconds for reply in replies) < CATCH_UP
    assert max(reply.seconds for reply in beside) < SMALL
