"""Taking in samples of metrics that alert rules watch (contracts/incidents.md 0.6 "alerts")."""

from collections.abc import Iterator

import msgspec

from commands.alert_fields import figure, metric_name, moment_of, pairs, sample_time, share
from commands.context import Context, Decision
from commands.desk import Desk
from commands.intents import Intent
from commands.refusing import refuse_if_any
from domain.alerting.events import Sample, SamplesReported
from domain.event import Append
from domain.identity import samples_stream
from domain.rejection import Cause, InvalidInput

REPORT = "failed to take samples"

MOST_SAMPLES = 1000

#: Wrong samples that are told at once.
MOST_CAUSES = 20


class SampleForm(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A sample as it is sent: ``value``, or ``failed`` and ``total``. ``time`` is ISO 8601 or epoch milliseconds."""

    metric: str = ""
    value: float | None = None
    failed: int | None = None
    total: int | None = None
    scope: dict[str, str] = msgspec.field(default_factory=dict)
    time: str | float | None = None


class ReportSamples(Intent, frozen=True):
    """Say how metrics stand. The answer is the number of samples taken: all, or none."""

    samples: tuple[SampleForm, ...]


async def gather_report(command: ReportSamples, _target: None, context: Context, _desk: Desk) -> None:
    """Refuse samples that say nothing, or that no rule could use; the first causes are told."""
    if not 1 <= len(command.samples) <= MOST_SAMPLES:
        reason = f"must be 1 to {MOST_SAMPLES} samples"
        raise InvalidInput(REPORT, "fields are invalid", [Cause("#/samples", "range", reason)])
    causes: list[Cause] = []
    for index, sample in enumerate(command.samples):
        causes += _causes(f"#/samples/{index}", sample, context)
        if len(causes) >= MOST_CAUSES:
            break
    refuse_if_any(REPORT, *causes)


def decide_report(command: ReportSamples, _target: None, _gathered: None, context: Context) -> Decision:
    """Record them as one fact."""
    samples = tuple(_sample(form, context) for form in command.samples)
    stream = samples_stream(context.ids.ulid())
    return Decision((Append(stream, 0, (SamplesReported(samples),)),), len(samples))


def _causes(pointer: str, form: SampleForm, context: Context) -> Iterator[Cause]:
    yield from metric_name(f"{pointer}/metric", form.metric)
    if form.value is None:
        yield from share(pointer, form.failed, form.total)
    elif form.failed is not None or form.total is not None:
        yield Cause(pointer, "either", "must have a value, or failed and total, not both")
    else:
        yield from figure(f"{pointer}/value", form.value)
    yield from pairs(f"{pointer}/scope", form.scope)
    yield from sample_time(f"{pointer}/time", form.time, context.now)


def _sample(form: SampleForm, context: Context) -> Sample:
    moment = None if form.time is None else moment_of(form.time)
    return Sample(form.metric, moment or context.now, form.value, form.failed or 0, form.total or 0, form.scope)
