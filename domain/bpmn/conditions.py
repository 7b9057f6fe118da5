"""Conditions that the engine evaluates itself: those of sequence flows, and the completion of a multi-instance.

BPMN 2.0 (FormalExpression) lets a model name the language of its expressions. Where it names the Common
Expression Language (https://cel.dev), the engine decides; in every other model a worker does.

A condition cannot run for ever: macros that walk through lists are left out, so each part of an expression is
evaluated at most once; regular expressions are left out, because a short one can be arbitrarily slow; the length and
depth of an expression and the size of the variables it mentions are bounded. Time zones are left out as well: what they
mean depends on the machine. There is no clock and no chance in the language, so the same variables always give the same
answer.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from cel_expr_python import cel  # type: ignore[import-untyped]  # it has stubs, but no py.typed

LONGEST_EXPRESSION = 2_000
#: Bytes of all variables that an expression mentions, each counted as often as it is mentioned.
MOST_BYTES = 1 << 18
#: Deeper values are not handed over: they are compared recursively, on the stack of the process.
DEEPEST_VALUE = 100

_LANGUAGES = {"cel", "http://cel.dev", "https://cel.dev"}

_WALKING = ("all", "exists", "exists_one", "filter", "map")
_IN_A_TIME_ZONE = {
    "getDate": "timestamp_to_day_of_month_1_based_with_tz",
    "getDayOfMonth": "timestamp_to_day_of_month_with_tz",
    "getDayOfWeek": "timestamp_to_day_of_week_with_tz",
    "getDayOfYear": "timestamp_to_day_of_year_with_tz",
    "getFullYear": "timestamp_to_year_with_tz",
    "getHours": "timestamp_to_hours_with_tz",
    "getMilliseconds": "timestamp_to_milliseconds_with_tz",
    "getMinutes": "timestamp_to_minutes_with_tz",
    "getMonth": "timestamp_to_month_with_tz",
    "getSeconds": "timestamp_to_seconds_tz",
}
_LEFT_OUT = {
    **dict.fromkeys((*_WALKING, "matches"), "cannot be used in a condition"),
    **dict.fromkeys(_IN_A_TIME_ZONE, "can be used in a condition only without a time zone, in UTC"),
}

_SUBSET = cel.NewEnvConfigFromYaml(
    msgspec.json.encode(  # JSON is YAML
        {
            "stdlib": {
                "exclude_macros": _WALKING,
                "exclude_functions": [
                    {"name": "matches"},
                    *({"name": name, "overloads": [{"id": zoned}]} for name, zoned in _IN_A_TIME_ZONE.items()),
                ],
            }
        }
    ).decode()
)
#: Evaluates what was compiled elsewhere: an environment for each expression would take thirty times the memory.
_RUNTIME = cel.NewEnv(config=_SUBSET)

#: Fields and words in texts too: more than the variables, but never fewer.
_NAMES = re.compile(r"(?<!\w)[A-Za-z_]\w*", re.ASCII)
#: Names that mean a type or a constant; a variable of such a name cannot be mentioned.
_TAKEN = {
    *("bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"),
    *("false", "google", "in", "null", "true"),
}

_ABSENT = re.compile(r'No value with name "(\w+)"')
_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_NOISE = re.compile(r"^[A-Z_]+: (?:ERROR: <input>:(?:-1:-1: )?)?| \[[A-Z_]+\]$")
_LONGEST_REASON = 300


class ConditionError(Exception):
    """The condition has no answer for these variables; the text says why."""


class Value(NamedTuple):
    """A variable's value in plain text, with its label."""

    encoding: str
    value: str


def supported(language: str) -> bool:
    """Whether conditions in this language are evaluated here: ``cel`` or ``https://cel.dev``, in any letter case."""
    return language.strip().rstrip("/").lower() in _LANGUAGES


def check(expression: str) -> str | None:
    """Return why this is no condition that can be evaluated (syntax, unknown function, length, result), or None."""
    try:
        _compile(expression)
    except ConditionError as reason:
        return str(reason)
    return None


def evaluate(expression: str, variables: Mapping[str, Value]) -> bool:
    """Return whether the condition holds; raise ``ConditionError`` where it cannot be said.

    A variable whose encoding is JSON is its JSON value, any other is its text. What the logic does not need may be
    unknown: ``known || unknown`` holds where ``known`` does, as the language says.
    """
    compiled = _compile(expression)
    _refuse_too_much(weight(expression, variables))
    values, unusable = _read(compiled.mentions, variables)
    try:
        result = compiled.expression.eval(data=values)
    except (RuntimeError, TypeError, ValueError) as failure:
        raise ConditionError(_reason(str(failure))) from None
    # Only booleans and errors may be asked for their value: 0.1.3 gives up a reference to None with each null.
    if result.type() == cel.Type.BOOL:
        return bool(result.value())
    if result.type() != cel.Type.ERROR:
        raise _no_boolean(result.type())
    text = str(result.value())
    absent = _ABSENT.search(text)
    raise ConditionError(unusable.get(absent[1], f"unknown variable {absent[1]}") if absent else _reason(text))


def mentioned(expression: str) -> Collection[str]:
    """Return the names that a condition mentions: all variables that it needs, and perhaps other words."""
    return _compile(expression).mentions.keys()


def weight(expression: str, variables: Mapping[str, Value]) -> int:
    """Return how many bytes a condition looks at: those of each variable as often as it is mentioned."""
    mentions = _compile(expression).mentions
    return sum(times * len(variables[name].value.encode()) for name, times in mentions.items() if name in variables)


class _Compiled(NamedTuple):
    """An expression ready to run, and how often it mentions which names (at most so often)."""

    expression: Any
    mentions: Mapping[str, int]


@lru_cache(maxsize=1_000)
def _compile(expression: str) -> _Compiled:
    if len(expression) > LONGEST_EXPRESSION:
        raise ConditionError(f"the condition is longer than {LONGEST_EXPRESSION} characters")
    mentions = Counter(name for name in _NAMES.findall(expression) if name not in _TAKEN)
    try:
        checked = cel.NewEnv(config=_SUBSET, variables=dict.fromkeys(mentions, cel.Type.DYN)).compile(expression)
        kind = checked.return_type()
        runnable = _RUNTIME.deserialize(checked.serialize())
    except (RuntimeError, TypeError, ValueError) as failure:
        raise ConditionError(_reason(str(failure))) from None
    if kind not in (cel.Type.BOOL, cel.Type.DYN):
        raise _no_boolean(kind)
    return _Compiled(runnable, mentions)


def _no_boolean(kind: Any) -> ConditionError:
    return ConditionError(f"the condition gives a value of type {kind.name().lower()[:_LONGEST_REASON]}, not a boolean")


def _refuse_too_much(size: int) -> None:
    if size > MOST_BYTES:
        raise ConditionError(f"the variables that the condition mentions have {size} bytes, more than {MOST_BYTES}")


def _read(mentions: Mapping[str, int], variables: Mapping[str, Value]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values of the variables mentioned, and why some of them have none."""
    values, unusable = {}, {}
    for name in mentions:
        if name in variables:
            try:
                values[name] = _value_of(variables[name])
            except (ValueError, RecursionError) as reason:
                unusable[name] = f"variable {name} cannot be used: {reason}"
    return values, unusable


def _value_of(variable: Value) -> Any:
    if "\0" in variable.value or "\\u0000" in variable.value:
        raise ValueError("it has a NUL character")  # 0.1.3 takes that for the end of the text
    if not _is_json(variable.encoding):
        return variable.value
    value = msgspec.json.decode(variable.value)
    if variable.value.count("[") + variable.value.count("{") > DEEPEST_VALUE:
        _refuse_depth(value)
    return value


def _is_json(encoding: str) -> bool:
    label = encoding.partition(";")[0].strip().lower()
    return label in ("json", "application/json") or label.endswith("+json")


def _refuse_depth(value: Any) -> None:
    layer = [value]
    for _ in range(DEEPEST_VALUE):
        layer = [inner for outer in layer for inner in _inside(outer)]
    if any(isinstance(value, (list, dict)) for value in layer):
        raise ValueError(f"it is nested more than {DEEPEST_VALUE} levels deep")


def _inside(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _reason(text: str) -> str:
    """Put the library's words into one line, without its codes; what stays is position and fault, ``1:4: Syntax …``."""
    undeclared = _UNDECLARED.search(text)
    if undeclared:
        name = undeclared[1]
        return f"{name} {_LEFT_OUT[name]}" if name in _LEFT_OUT else f"unknown function {name}"
    return _NOISE.sub("", text.partition("\n")[0])[:_LONGEST_REASON]
