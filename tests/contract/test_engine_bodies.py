"""How bodies are read: what the contract takes, and what it answers to the rest (contracts/engine.md 1.1 and 1.4)."""

import json
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from api.engine import decoding, lenient
from api.engine.decoding import decode
from api.refusals import InvalidBody
from commands.batches import CompleteJobs, JobReport, StartProcessInstances
from commands.engine_time import SetTime
from commands.instances import StartProcessInstance
from commands.intents import Data, ProcessVariable
from commands.job_locks import LockJobs
from commands.jobs import CompleteJob
from commands.processes import CreateProcess
from commands.tasks import ExecuteTasks
from projections.criteria import ElementInstanceCriteria, JobCriteria, ProcessCriteria, VariableCriteria

LOCKED = LockJobs(limit=1, worker_id="w")


def refused(raw: bytes, kind: type[msgspec.Struct]) -> InvalidBody:
    with pytest.raises(InvalidBody) as caught:
        decode(raw, kind)
    assert caught.value.title == "invalid request body"
    return caught.value


def locking(member: str) -> bytes:
    return f'{{"limit":1,"workerId":"w",{member}}}'.encode()


@pytest.mark.parametrize(
    "raw",
    [
        b'{"limit":1,"workerId":"w"}',
        b' \r\n\t{ "limit" : 1 , "workerId" : "w" } \n',
        b'{"limit":1,"workerId":"w"} and what follows {[',
        b'{"LIMIT":1,"wORKERid":"w"}',
        b'{"limit":7,"limit":1,"workerId":"w"}',
        b'{"limit":1,"workerId":"w","partition":null,"id":null,"processIds":null,"processInstanceId":null}',
        b'{"limit":1,"workerId":"\\u0077","id":-0}',
    ],
)
def test_a_body_is_taken_in_every_form_that_the_contract_allows(raw: bytes) -> None:
    assert decode(raw, LockJobs) == LOCKED


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (b"", "request body is empty"),
        (b" \n\t", "request body is empty"),
        (b"null", "request body is null"),
        (b"[]", "request body must be a JSON object"),
        (b'"text"', "request body must be a JSON object"),
        (b"{", "unexpected end of JSON"),
        (b'{"limit":1', "unexpected end of JSON"),
        (b'{"limit":1,  ', "unexpected end of JSON"),
        (b'{"workerId":"abc', "unexpected end of JSON"),
        (b'{"limit":-', "unexpected end of JSON"),
        (b'{"limit":tru', "unexpected end of JSON"),
        (b"{_}", "malformed JSON at position 2"),
        (b'{"limit" 1}', "malformed JSON at position 10"),
        (b'{"limit":01}', "malformed JSON at position 11"),
        (b'{"limit":NaN}', "malformed JSON at position 10"),
        (b'{"limit":-Infinity}', "malformed JSON at position 10"),
        (b"{'limit':1}", "malformed JSON at position 2"),
        (b"\xef\xbb\xbf{}", "malformed JSON at position 1"),
        (b'{"workerId":"\xff"}', "malformed JSON at position 14"),
        (b'{"workerId":"a\nb"}', "malformed JSON at position 15"),
        (b'{"workerId":"a\x00b"}', "malformed JSON at position 15"),
        (b'{"workerId":1}', "JSON field workerId has an invalid value at position 13"),
        ('{"workerId":"ä","id":"x"}'.encode(), "JSON field id has an invalid value at position 25"),
        (b'{"limit":"5"}', "JSON field limit has an invalid value at position 12"),
        (b'{"limit":true}', "JSON field limit has an invalid value at position 13"),
        (b'{"limit":1.0}', "JSON field limit has an invalid value at position 12"),
        (b'{"limit":1e400}', "JSON field limit has an invalid value at position 14"),
        (b'{"limit":2147483648}', "JSON field limit has an invalid value at position 19"),
        (b'{"limit":-2147483649}', "JSON field limit has an invalid value at position 20"),
        (b'{"limit":9223372036854775808}', "JSON field limit has an invalid value at position 28"),
        (b'{"limit":' + b"9" * 5000 + b"}", "JSON field limit has an invalid value at position 5009"),
        (b'{"processIds":{}}', "JSON field processIds has an invalid value at position 16"),
        (b'{"processIds":[1,"x"]}', "JSON field processIds has an invalid value at position 20"),
        (b'{"workerId":"\\ud800"}', "JSON field workerId has an invalid value at position 20"),
        (b'{"workerId":"a\\u0000b"}', "JSON field workerId has an invalid value at position 22"),
        (b'{"unknown":1}', 'unknown JSON field "unknown"'),
        (b'{"unk\\"n\\ud800wn":1}', 'unknown JSON field "unk\\"n?wn"'),
        (b'{"partition":"2026-02-30"}', "failed to unmarshal JSON: Invalid RFC3339 encoded date"),
        (b'{"partition":""}', "failed to unmarshal JSON: Invalid RFC3339 encoded date"),
        (b'{"partition":20261123}', "failed to unmarshal JSON: Expected `date`, got `int`"),
    ],
)
def test_what_is_wrong_with_a_body_is_named(raw: bytes, detail: str) -> None:
    refusal = refused(raw, LockJobs)
    assert refusal.detail == detail
    assert refusal.causes == ()


def test_a_field_inside_a_list_is_named_by_its_path_and_its_place_found() -> None:
    raw = b'{"processVariables":[{"name":"a"},{"data":{"encrypted":"yes"}}],"workerId":"w"}'
    detail = refused(raw, CompleteJob).detail
    assert detail == f"JSON field processVariables.data.encrypted has an invalid value at position {raw.index(b'}}]')}"


@pytest.mark.parametrize(
    ("raw", "kind", "reason"),
    [
        (b'{"type":"NOPE"}', ExecuteTasks, "Invalid enum value 'NOPE'"),
        (b'{"states":["STARTED","nope"]}', ElementInstanceCriteria, "Invalid enum value 'nope'"),
        (b'{"states":[null]}', ElementInstanceCriteria, "null is no value of this list"),
        (b'{"time":"2026-01-01"}', SetTime, "Invalid RFC3339 encoded datetime"),
        (b'{"time":"2026-01-01T00:00:00"}', SetTime, "Expected `datetime` with a timezone component"),
        (b'{"time":"0001-01-01T00:00:00+23:59"}', SetTime, "time is out of range"),
        (b'{"TIME":"9999-12-31T23:59:59-23:59"}', SetTime, "time is out of range"),
    ],
)
def test_a_date_a_time_or_a_word_that_cannot_be_read_is_told_with_its_reason(
    raw: bytes, kind: type[msgspec.Struct], reason: str
) -> None:
    assert refused(raw, kind).detail == f"failed to unmarshal JSON: {reason}"


def test_a_map_where_a_list_belongs_is_a_value_of_the_wrong_type() -> None:
    assert (
        refused(b'{"tags":{"a":"b"}}', ProcessCriteria).detail == "JSON field tags has an invalid value at position 17"
    )


def test_a_body_may_have_a_megabyte_and_not_a_byte_more() -> None:
    frame = len(b'{"bpmnXml":""}')
    largest = b'{"bpmnXml":"' + b"x" * (decoding.LARGEST_BODY - frame) + b'"}'
    assert refused(largest, CreateProcess).detail == "failed to validate request body"
    assert refused(largest + b" ", CreateProcess).detail == "request body size must not exceed 1MB"


@pytest.mark.parametrize("levels", [101, 1_000, 10_000, 170_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_json_of_any_depth_is_refused_and_nothing_breaks(levels: int, opening: str, closing: str) -> None:
    unclosed = opening * levels
    closed = f"{unclosed}1{closing * levels}"
    for raw in (unclosed.encode(), closed.encode(), locking(f'"id":{closed}')):
        assert refused(raw, LockJobs).detail == "JSON is nested deeper than 100 levels"


def test_json_of_a_hundred_levels_is_looked_into() -> None:
    assert refused(b'{"limit":' + b"[" * 99 + b"]" * 99 + b"}", LockJobs).detail.startswith("JSON field limit")


def test_brackets_in_a_text_are_no_depth() -> None:
    text = "[" * 500
    assert decode(f'{{"workerid":"w","error":"{text}"}}'.encode(), CompleteJob).error == text


def test_a_nul_character_is_refused_in_every_text_however_deep() -> None:
    bodies: list[tuple[Any, type[msgspec.Struct]]] = [
        ({"names": ["a", "b\0"]}, VariableCriteria),
        ({"tags": [{"name": "a", "value": "\0"}]}, ProcessCriteria),
        ({"workerId": "w", "completion": {"calledProcess": {"correlationKey": "\0"}}}, CompleteJob),
        (
            {"workerId": "w", "variables": [{"name": "v", "data": {"encoding": "e", "value": "\0"}}]},
            StartProcessInstance,
        ),
    ]
    for body, kind in bodies:
        assert "has an invalid value" in refused(json.dumps(body).encode(), kind).detail


def test_an_escaped_backslash_before_u0000_is_text_like_any_other() -> None:
    assert decode(b'{"limit":1,"workerId":"\\\\u0000"}', LockJobs).worker_id == "\\u0000"


def test_null_items_of_a_list_are_their_kind_s_nothing() -> None:
    assert decode(locking('"processIds":[null,2]'), LockJobs).process_ids == (0, 2)
    refusal = refused(b'{"tags":[null]}', ProcessCriteria)
    assert [cause.pointer for cause in refusal.causes] == ["#/tags/0/name"]


def test_a_time_is_kept_in_utc_and_cut_to_milliseconds() -> None:
    for raw in (b'{"time":"2026-01-01T00:00:00.1239+01:00"}', b'{"Time":"2026-01-01T00:00:00.1239+01:00"}'):
        assert decode(raw, SetTime).time == datetime(2025, 12, 31, 23, 0, 0, 123_000, tzinfo=UTC)


def test_what_the_lenient_reader_takes_is_what_the_strict_decoder_takes() -> None:
    body = {
        "workerId": "w",
        "completion": {"inclusiveGatewayDecision": ["a"], "timer": {"timeCycle": "* * * * *"}},
        "retryLimit": 3,
        "retryTimer": "PT1S",
        "processVariables": [{"name": "v", "data": {"encoding": "json", "encrypted": True, "value": "{}"}}],
        "elementVariables": [{"name": "v", "bpmnElementId": "e"}],
    }
    raw = json.dumps(body).encode()
    assert lenient.read(raw, CompleteJob) == msgspec.json.decode(raw, type=CompleteJob)
    criteria = b'{"partition":"2026-11-23","id":5}'
    assert lenient.read(criteria, JobCriteria) == JobCriteria(partition=date(2026, 11, 23), id=5)


def test_clients_that_write_null_for_not_given_are_understood() -> None:
    raw = (
        b'{"completion":null,"elementVariables":null,"error":null,"retryTimer":null,"workerId":"w",'
        b'"processVariables":[{"name":"gone","data":null},{"name":"v","data":{"encoding":"e","encrypted":null,"value":"1"}}]}'
    )
    assert decode(raw, CompleteJob) == CompleteJob(
        worker_id="w",
        process_variables=(ProcessVariable("gone"), ProcessVariable("v", Data("e", encrypted=False, value="1"))),
    )


def test_the_strict_decoder_takes_what_workers_send_all_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lenient, "read", None)
    decode(b'{"bpmnProcessId":"p","version":"1","workerId":"w"}', StartProcessInstance)
    decode(b'{"partition":null,"limit":10,"workerId":"w","processIds":[1,2]}', LockJobs)
    decode(b'{"workerId":"w","processVariables":[{"name":"v","data":{"encoding":"e","value":"1"}}]}', CompleteJob)


def test_items_of_a_batch_are_taken_in_every_form_that_they_have_alone() -> None:
    raw = b'{"items":[{"partition":"2026-11-23","ID":1,"workerId":"w","completion":null,"retryTimer":null}]}'
    assert decode(raw, CompleteJobs) == CompleteJobs((JobReport(worker_id="w", partition=date(2026, 11, 23), id=1),))
    item = b'{"bpmnProcessId":"p","VERSION":"1","workerId":"w","tags":null}'
    started = StartProcessInstance(bpmn_process_id="p", version="1", worker_id="w")
    assert decode(b'{"items":[%b,%b]}' % (item, item), StartProcessInstances).items == (started, started)


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (b'{"items":[{"id":"1"}]}', "JSON field items.id has an invalid value at position 19"),
        (b'{"items":[{"completion":{"loopItems":[1]}}]}', "JSON field items.completion.loopItems"),
        (b'{"items":{}}', "JSON field items has an invalid value at position 11"),
        (b'{"items":[{"job":1}]}', 'unknown JSON field "job"'),
    ],
)
def test_what_is_wrong_with_an_item_of_a_batch_is_named(raw: bytes, detail: str) -> None:
    assert refused(raw, CompleteJobs).detail.startswith(detail)
