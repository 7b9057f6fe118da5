"""Conditions that the engine evaluates: what they say, what they refuse, and that none of them runs for long."""

import gc
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bpmn import conditions
from domain.bpmn.conditions import ConditionError, Value, check, evaluate, supported


def json(text: str) -> Value:
    return Value("application/json", text)


def holds(expression: str, **variables: Value) -> bool:
    return evaluate(expression, variables)


def why_not(expression: str, **variables: Value) -> str:
    with pytest.raises(ConditionError) as refusal:
        evaluate(expression, variables)
    return str(refusal.value)


@pytest.mark.parametrize("language", ["cel", "CEL", " https://cel.dev ", "http://CEL.dev/"])
def test_the_common_expression_language_is_known_by_name_and_by_address(language: str) -> None:
    assert supported(language)


@pytest.mark.parametrize("language", ["", "feel", "http://www.w3.org/1999/XPath", "java", "cel2", "https://cel.dev/x"])
def test_conditions_in_other_languages_are_left_to_workers(language: str) -> None:
    assert not supported(language)


@pytest.mark.parametrize(
    "expression",
    [
        "amount > 1000",
        "amount > 1000.5",
        "double(amount) * 1.5 > 1500.0",
        "order.customer.vip && !order.paid",
        "order.lines[1].name == 'screw'",
        "size(order.lines) == 2",
        "status in ['new', 'open']",
        "status.startsWith('n') && status.contains('e') && status.endsWith('w')",
        "has(order.paid) && !has(order.refund)",
        "order.refund_of == null",
        "amount > 10000 ? false : true",
        "int(count) == 7",
        "timestamp(due) > timestamp('2026-01-01T00:00:00Z')",
        "timestamp(due).getFullYear() == 2026",
        "duration('90m') > duration('1h')",
        "amount > 1000 // so says the accountant",
    ],
)
def test_a_condition_holds_where_its_expression_is_true(expression: str) -> None:
    order = '{"customer":{"vip":true},"paid":false,"lines":[{},{"name":"screw"}],"refund_of":null}'
    texts = {"status": Value("text", "new"), "count": Value("text", "7"), "due": Value("text", "2026-11-20T18:00:00Z")}
    variables = {"amount": json("1200"), "order": json(order), **texts}

    assert check(expression) is None
    assert evaluate(expression, variables)
    assert not evaluate(f"!({expression}\n)", variables)


@pytest.mark.parametrize(
    "encoding", ["json", "JSON", "application/json", "application/json; charset=utf-8", "a/b+json"]
)
def test_a_variable_whose_encoding_says_json_is_its_json_value(encoding: str) -> None:
    assert holds("x == 5", x=Value(encoding, "5"))


@pytest.mark.parametrize("encoding", ["", "text", "text/plain", "application/xml", "jsonish"])
def test_a_variable_of_any_other_encoding_is_its_text(encoding: str) -> None:
    assert holds("x == '5'", x=Value(encoding, "5"))


def test_a_variable_whose_name_is_no_identifier_is_left_out() -> None:
    assert holds("x", **{"x": json("true"), "order-id": json("{"), "order.id": json("{"), "ü": json("{")})


def test_a_variable_named_like_a_function_can_be_used() -> None:
    assert holds("duration > 3 && size == 'L'", duration=json("5"), size=Value("text", "L"))


def test_an_unknown_variable_is_named() -> None:
    assert why_not("amount > 1", amuont=json("2")) == "unknown variable amount"


def test_what_the_logic_does_not_need_may_be_unknown() -> None:
    assert holds("vip || amount > 1", vip=json("true"))
    assert holds("amount > 1 || vip", vip=json("true"))


def test_a_variable_that_is_not_the_json_it_says_is_named() -> None:
    assert why_not("amount > 1", amount=json("{")).startswith("variable amount cannot be used: ")


def test_a_variable_that_is_not_the_json_it_says_matters_only_where_it_is_needed() -> None:
    assert holds("order.amount == 1", order=json('{"amount":1}'), amount=json("{"))


@pytest.mark.parametrize(("expression", "kind"), [("a", "int"), ("b", "null"), ("c", "string"), ("d", "list")])
def test_a_result_that_is_no_boolean_is_an_error_and_not_taken_for_one(expression: str, kind: str) -> None:
    variables = {"a": json("1"), "b": json("null"), "c": json('"true"'), "d": json("[]")}
    assert why_not(expression, **variables).startswith(f"the condition gives a value of type {kind}")


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("9223372036854775807 + x > 0", "integer overflow"),
        ("x / 0 == 1", "divide by zero"),
        ("m.absent == 1", "Key not found"),
        ("l[7] == 1", "Index error"),
        ("x > 'a'", "No matching overloads"),
        ("huge > 1", "out of range"),
        ("int('seven') == 7", "cannot convert"),
        ("timestamp('soon') > timestamp(0)", "String to Timestamp"),
    ],
)
def test_a_condition_that_fails_says_why(expression: str, reason: str) -> None:
    variables = {"x": json("1"), "m": json("{}"), "l": json("[]"), "huge": json("1" * 30)}
    assert check(expression) is None
    assert reason in why_not(expression, **variables)


def test_a_reason_is_said_without_the_codes_of_the_library() -> None:
    assert why_not("1 / x == 1", x=json("0")) == "divide by zero"
    assert check("a" + ".b" * 500 + " == 1") == "Exceeded max recursion depth of 32 when parsing."


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "Syntax error"),
        ("amount >", "1:9: Syntax error"),
        ("amount > 5 amount", "Syntax error"),
        ("'open", "Syntax error"),
        ("escalate(amount)", "unknown function escalate"),
        ("1 + 1", "a value of type int, not a boolean"),
        ("'yes'", "a value of type string, not a boolean"),
        ("{b'x': 1}", "Unsupported map key type"),
        ("1 + 'a' == 2", "no matching overload"),
        ("'\ud800' == a", "incompatible"),
        ("a" * 2_001, "longer than 2000 characters"),
        ("(" * 500 + "true" + ")" * 500, "recursion"),
        ("-(" * 500 + "1" + ")" * 500 + " == 1", "recursion"),
        ("[" * 500 + "]" * 500 + " == []", "recursion"),
        ("a" + ".b" * 500 + " == 1", "recursion"),
    ],
)
def test_an_expression_that_cannot_be_used_is_refused_with_its_reason(expression: str, reason: str) -> None:
    assert reason in (check(expression) or "")
    assert reason in why_not(expression, a=json("1"), amount=json("1"))


@pytest.mark.parametrize("call", ["all(x, x)", "exists(x, x)", "exists_one(x, x)", "filter(x, x)", "map(x, x)"])
def test_nothing_walks_through_a_list(call: str) -> None:
    assert check(f"l.{call} == true") == f"{call.partition('(')[0]} cannot be used in a condition"
    assert check(f"l . // a comment\n {call} == true") is not None


@pytest.mark.parametrize("expression", ["s.matches('(a+)+$')", "matches(s, '((a?){30}){30}')"])
def test_there_are_no_regular_expressions(expression: str) -> None:
    assert check(expression) == "matches cannot be used in a condition"


@pytest.mark.parametrize("part", sorted(conditions._IN_A_TIME_ZONE))
def test_parts_of_a_time_are_asked_for_in_utc_only(part: str) -> None:
    assert check(f"timestamp(t).{part}() == 1") is None
    assert check(f"timestamp(t).{part}('Europe/Berlin') == 1") is not None


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        pytest.param("v" + " + v" * 30 + " == v", Value("text", "a" * 8_000), id="text put together"),
        pytest.param("v" + " + v" * 30 + " == v", json("[" + "0," * 4_000 + "0]"), id="lists put together"),
        pytest.param("v.contains(needle)", Value("text", "a" * 174_000), id="slowest text search"),
        pytest.param("v == v", json("[" + "[]," * 40_000 + "0]"), id="a long list"),
        pytest.param("!" * 1_990 + "v", json("true"), id="a long chain"),
        pytest.param(" || ".join(["v"] * 400), json("false"), id="many operands"),
    ],
)
def test_the_heaviest_conditions_are_decided_at_once(expression: str, value: Value) -> None:
    before = time.process_time()
    assert isinstance(holds(expression, v=value, needle=Value("text", "a" * 87_000 + "b")), bool)
    assert time.process_time() - before < 2


def test_variables_count_as_often_as_they_are_mentioned() -> None:
    half = Value("text", "a" * (conditions.MOST_BYTES // 2))

    assert holds("v == 'x' || true", v=half)
    assert not holds("v == v + 'b'", v=half)
    assert "more than 262144" in why_not("v == v + v", v=half)
    assert "more than 262144" in why_not("v == .v || v in.v", v=half)


def test_their_size_is_counted_in_bytes() -> None:
    assert "bytes, more than" in why_not(
        "size(v) > 1", v=Value("text", "\U0001f600" * (conditions.MOST_BYTES // 4 + 1))
    )


@pytest.mark.parametrize("depth", [conditions.DEEPEST_VALUE + 1, 900, 9_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_a_value_nested_too_deep_is_refused_before_the_stack_overflows(depth: int, opening: str, closing: str) -> None:
    value = opening * depth + "0" + closing * depth
    assert why_not("v == 1 || v == v", v=json(value[: conditions.MOST_BYTES // 4])).startswith(
        "variable v cannot be used"
    )


def test_a_value_nested_as_deep_as_allowed_is_compared() -> None:
    within = conditions.DEEPEST_VALUE - 1
    branch = "[" * within + "0" + "]" * within
    assert holds("v == v", v=json(f"[{branch},{branch}]"))


@pytest.mark.parametrize("value", [Value("text", "admin\0x"), json(r'"admin\u0000x"')])
def test_a_text_does_not_end_at_a_nul_character(value: Value) -> None:
    assert why_not("name == 'admin'", name=value) == "variable name cannot be used: it has a NUL character"


def test_nulls_cost_no_reference_to_none() -> None:
    def decide() -> None:
        for _ in range(2_000):
            evaluate("v == null && m.k == null", {"v": json("null"), "m": json('{"k":null}')})
            why_not("v", v=json("null"))

    decide()
    gc.collect()
    before = sys.getrefcount(None)
    decide()
    gc.collect()
    assert abs(sys.getrefcount(None) - before) < 500


def test_an_expression_is_compiled_once() -> None:
    conditions._compile.cache_clear()
    for amount in range(5):
        holds("amount >= 0", amount=json(str(amount)))
    assert conditions._compile.cache_info().misses == 1
    assert conditions._compile.cache_info().maxsize is not None


_WORDS = st.sampled_from(
    """
    a b l m 1 2.5 -9223372036854775808 0u 'x' b'x' true null [ ] { } ( ) + - * / % == != < >= && || ? : . in ! , // `
    r'( size( string( int( timestamp( duration( type( has( dyn( double( .getHours( .all( .matches( .k [0] ['k'] 9e999 0x
    google.protobuf.Any{
    """.split()  # noqa: SIM905 (a list of so many words is harder to read)
)


@given(st.lists(_WORDS, max_size=20).map(" ".join), st.booleans())
def test_whatever_the_expression_there_is_an_answer_or_a_reason(expression: str, as_json: bool) -> None:  # noqa: FBT001  (drawn)
    encoding = "json" if as_json else "text"
    variables = {name: Value(encoding, text) for name, text in {"a": "1", "b": "null", "l": "[1]", "m": "{}"}.items()}
    try:
        reason = check(expression) or evaluate(expression, variables)
    except ConditionError as failure:
        reason = str(failure)
    assert reason != ""
