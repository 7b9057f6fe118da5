"""Alert rules that are made, changed, fired and deleted through commands, and samples: what fills their read models."""

import msgspec

from api.composition import Node
from bench.filling import ASKER
from commands.alert_rules import ConditionForm, CreateRule, DeleteRule, EnableRule, FireRule, ReplaceRule, RuleForm
from commands.samples import ReportSamples, SampleForm

RULE = RuleForm(
    name="Errors of calls",
    module="models",
    metric="error_rate",
    condition=ConditionForm("gt", 5.0),
    window_minutes=15,
    scope={"modelKey": "large"},
)


async def watch_metrics(node: Node) -> None:
    """Make some rules, one of which fires, and report samples."""
    send = node.commands.send
    fired, changed, gone = [(await send(CreateRule(RULE), ASKER)).answer for _ in range(3)]
    await send(FireRule(1, 12.3, 1000), ASKER, fired)
    await send(ReplaceRule(msgspec.structs.replace(RULE, name="Errors", enabled=False)), ASKER, changed)
    await send(EnableRule(enabled=True), ASKER, changed)
    await send(DeleteRule(), ASKER, gone)
    share = SampleForm(metric="error_rate", failed=1, total=9, scope={"modelKey": "large"})
    await send(ReportSamples((share, SampleForm(metric="latency_ms", value=12.5))), ASKER)
    await send(ReportSamples((share,)), ASKER)
