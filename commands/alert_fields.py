"""Rules of the fields in commands about alert rules and samples; each yields at most one cause a field.

The pointers are those of the bodies of ``/api/alerts`` (contracts/incidents.md 0.6 "alerts", 4.6).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from commands.access_fields import label
from commands.incident_fields import one_of, text
from domain.alerting.metrics import CUSTOM, LONGEST_COOLDOWN, MODULES, WINDOWS, is_metric_name, is_scope_key, scope_keys
from domain.rejection import Cause
from domain.timestamps import EPOCH, LATEST_MS, in_utc

LONGEST_DESCRIPTION = 2000
LONGEST_SCOPE_VALUE = 200
MOST_SCOPE_KEYS = 20
MOST_CHANNELS = 20
LONGEST_CHANNELS = 10_000

#: Beyond this no figure means anything, and sums of many stay finite.
GREATEST = 1e15

#: The most single outcomes of a sample: those of an hour can be added up in 64 bits.
MOST_OUTCOMES = 1_000_000_000

#: How far from now a sample may lie. The widest window is an hour; a minute is for its way here, one for clocks.
OLDEST_SAMPLE = timedelta(minutes=61)
NEWEST_SAMPLE = timedelta(minutes=1)


def metric_of(module: str, metric: str) -> Iterator[Cause]:
    """Require a module of the table, and one of its metrics."""
    unknown = tuple(one_of("#/module", module, MODULES))
    if unknown or not metric:
        yield from unknown
        if not metric:
            yield Cause("#/metric", "required", "is required")
    elif module == CUSTOM:
        yield from metric_name("#/metric", metric)
    else:
        yield from one_of("#/metric", metric, MODULES[module])


def metric_name(pointer: str, metric: str) -> Iterator[Cause]:
    """Require a name that any metric may have."""
    if not metric:
        yield Cause(pointer, "required", "is required")
    elif not is_metric_name(metric):
        yield Cause(pointer, "metric_name", "must match regex ^[a-z][a-z0-9_]{0,99}$", metric[:100])


def window(minutes: int | None) -> Iterator[Cause]:
    if minutes not in WINDOWS:
        yield Cause("#/windowMinutes", "oneof", f"must be one of {', '.join(map(str, WINDOWS))}")


def cooldown(minutes: int) -> Iterator[Cause]:
    if not 0 <= minutes <= LONGEST_COOLDOWN:
        yield Cause("#/cooldownMinutes", "range", f"must be from 0 to {LONGEST_COOLDOWN}")


def figure(pointer: str, number: float | None) -> Iterator[Cause]:
    """Require a number that can be reckoned with."""
    if number is None:
        yield Cause(pointer, "required", "is required")
    elif not math.isfinite(number) or abs(number) > GREATEST:
        yield Cause(pointer, "range", "must be from -1e15 to 1e15")


def share(pointer: str, failed: int | None, total: int | None) -> Iterator[Cause]:
    """Require how many of how many failed."""
    if failed is None or total is None:
        yield Cause(pointer, "required", "failed and total are required where there is no value")
    elif not 0 <= failed <= total <= MOST_OUTCOMES:
        yield Cause(pointer, "range", f"failed must be from 0 to total, and total at most {MOST_OUTCOMES}")


def rule_scope(module: str, scope: Mapping[str, str]) -> Iterator[Cause]:
    """Require pairs that a rule of the module can be narrowed down by; each has to say something."""
    keys = scope_keys(module)
    unknown = [key for key in scope if keys is not None and key not in keys] if module in MODULES else []
    if unknown and keys is not None:
        yield Cause("#/scope", "oneof", f"may have {', '.join(keys)}", unknown[0][:100])
    else:
        yield from pairs("#/scope", scope)


def pairs(pointer: str, scope: Mapping[str, str]) -> Iterator[Cause]:
    """Require a scope that can be kept; the first pair that is wrong is told."""
    if len(scope) > MOST_SCOPE_KEYS:
        yield Cause(pointer, "max", f"must have at most {MOST_SCOPE_KEYS} pairs")
        return
    for key, value in scope.items():
        if not is_scope_key(key):
            yield Cause(pointer, "scope_key", "keys must match regex ^[A-Za-z][A-Za-z0-9_.-]{0,63}$", key[:100])
            return
        wrong = tuple(text(f"{pointer}/{key}", value, 1, LONGEST_SCOPE_VALUE))
        if wrong:
            yield from wrong
            return


def channels(given: Sequence[Mapping[str, Any]]) -> Iterator[Cause]:
    """Require objects with a type each, small enough to be kept as they are."""
    if len(given) > MOST_CHANNELS or len(msgspec.json.encode(given)) > LONGEST_CHANNELS:
        reason = f"must be at most {MOST_CHANNELS} channels of {LONGEST_CHANNELS} bytes together"
        yield Cause("#/channels", "max", reason)
        return
    for index, channel in enumerate(given):
        kind = channel.get("type")
        if not isinstance(kind, str) or tuple(text("", kind, 1, 100)):
            yield Cause(f"#/channels/{index}/type", "required", "must be a text of 1 to 100 characters")
            return


def naming(name: str, description: str) -> Iterator[Cause]:
    """Require a name, and a description where there is one."""
    yield from label("#/name", name)
    yield from text("#/description", description, 0, LONGEST_DESCRIPTION)


def moment_of(time: str | float) -> datetime | None:
    """Read a time: ISO 8601 with a zone (UTC without one), or milliseconds since 1970; None for what is none.

    It is cut to milliseconds, in UTC.
    """
    try:
        if isinstance(time, str):
            return in_utc(datetime.fromisoformat(time))
        if abs(time) <= LATEST_MS:
            return EPOCH + timedelta(milliseconds=math.floor(time))
    except (ValueError, OverflowError):
        pass
    return None


def sample_time(pointer: str, time: str | float | None, now: datetime) -> Iterator[Cause]:
    """Require a time, where one is given, that windows of rules can reach."""
    if time is None:
        return
    moment = moment_of(time)
    if moment is None:
        yield Cause(pointer, "time", "must be an ISO 8601 time or milliseconds since 1970", str(time)[:100])
    elif not now - OLDEST_SAMPLE <= moment <= now + NEWEST_SAMPLE:
        yield Cause(pointer, "range", "must be from 61 minutes ago to one minute ahead", str(time)[:100])
