"""The words of alert rules: modules with their metrics, windows, operators, scopes (contracts/incidents.md 4.6, 0.6).

Metrics of the module ``process`` are measured by Annals itself, from its own log; all others are sent to it as samples.
"""

import re
from collections.abc import Mapping
from typing import Literal, get_args

Operator = Literal["gt", "lt", "gte", "lte", "eq"]
OPERATORS: tuple[Operator, ...] = get_args(Operator)

#: Minutes that a rule looks back.
WINDOWS = (5, 15, 30, 60)

LONGEST_COOLDOWN = 10_080
DEFAULT_COOLDOWN = 60

PROCESS, CUSTOM = "process", "custom"

BuiltIn = Literal[
    "job_error_rate",
    "process_incident_count",
    "open_incident_count",
    "job_backlog_count",
    "job_backlog_age_seconds",
    "instance_duration_p95_ms",
]
BUILT_IN: tuple[BuiltIn, ...] = get_args(BuiltIn)

#: The metrics of each module; a rule of the module ``custom`` may name any metric.
MODULES: Mapping[str, tuple[str, ...]] = {
    "models": (
        "error_rate",
        "model_usage_error_rate",
        "avg_latency_ms",
        "p95_latency_ms",
        "total_cost",
        "total_requests",
    ),
    "inference": ("gpu_cache_usage", "request_queue_depth"),
    "guardrails": ("guardrail_fail_rate", "guardrail_avg_latency_ms", "guardrail_total_evaluations"),
    "rag": ("rag_avg_latency_ms", "rag_total_queries", "rag_failed_documents"),
    "mcp": ("mcp_error_rate", "mcp_avg_latency_ms", "mcp_total_requests"),
    "analysis": ("analysis_pass_rate", "analysis_avg_judge_score", "analysis_avg_accuracy"),
    "evaluation": ("evaluation_pass_rate", "evaluation_avg_score"),
    "redteam": ("redteam_attack_success_rate", "redteam_resilience_score"),
    PROCESS: BUILT_IN,
    CUSTOM: (),
}

#: What narrows the built-in metrics down: a process, a version of it, an activity in it.
PROCESS_SCOPE = ("processKey", "version", "activityId")

#: What narrows the metrics of other modules down; samples, and rules of the module ``custom``, may have any keys.
SAMPLES_SCOPE = ("modelKey", "serverKey", "guardrailKey", "ragModuleKey", "mcpServerKey")

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}\Z")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}\Z")


def is_metric_name(text: str) -> bool:
    """Tell whether a text may be the name of a metric: ``^[a-z][a-z0-9_]{0,99}$``."""
    return _NAME.match(text) is not None


def is_scope_key(text: str) -> bool:
    return _KEY.match(text) is not None


def scope_keys(module: str) -> tuple[str, ...] | None:
    """Return the keys that a rule's scope may have, None where it may have any."""
    if module == CUSTOM:
        return None
    return PROCESS_SCOPE if module == PROCESS else SAMPLES_SCOPE
