"""The machine-readable contract of the engine's API, where it lies beside the checkout."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

CONTRACT = Path(__file__).resolve().parents[3] / "shared" / "contracts" / "engine.json"

#: The operations that are built; messages, signals, user tasks and subscriptions are not yet.
BUILT = {
    *("createProcess", "getBpmnXml", "queryProcesses", "queryElements"),
    *("createProcessInstance", "queryProcessInstances", "suspendProcessInstance", "resumeProcessInstance"),
    *("getProcessVariables", "setProcessVariables"),
    *("queryElementInstances", "getElementVariables", "setElementVariables"),
    *("lockJobs", "completeJob", "unlockJobs", "queryJobs"),
    *("executeTasks", "unlockTasks", "queryTasks"),
    *("queryIncidents", "resolveIncident", "queryVariables", "setTime", "checkReadiness"),
}


def contract() -> Mapping[str, Any]:
    """Return the contract, or skip the test."""
    if not CONTRACT.exists():
        pytest.skip("the contract is not beside this checkout")
    loaded: Mapping[str, Any] = json.loads(CONTRACT.read_text(encoding="utf-8"))
    return loaded


def built_operations() -> list[Mapping[str, Any]]:
    return [operation for operation in contract()["operations"] if operation["id"] in BUILT]
