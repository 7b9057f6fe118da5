"""The machine-readable contract of the engine's API, where it lies beside the checkout."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from domain.bpmn.graph import ElementType

CONTRACT = Path(__file__).resolve().parents[3] / "shared" / "contracts" / "engine.json"

#: The contract's operations.
THEIRS = {
    *("createProcess", "getBpmnXml", "queryProcesses", "queryElements"),
    *("createProcessInstance", "queryProcessInstances", "suspendProcessInstance", "resumeProcessInstance"),
    *("getProcessVariables", "setProcessVariables"),
    *("queryElementInstances", "getElementVariables", "setElementVariables"),
    *("lockJobs", "completeJob", "unlockJobs", "queryJobs"),
    *("executeTasks", "unlockTasks", "queryTasks"),
    *("sendMessage", "queryMessages", "queryMessageSubscriptions", "sendSignal", "querySignalSubscriptions"),
    *("queryUserTasks", "updateUserTask"),
    *("queryIncidents", "resolveIncident", "queryVariables", "setTime", "checkReadiness"),
}

#: What is ours beyond it: operations with their method, path and status, members of requests, and words.
OURS = {
    "cancelProcessInstance": ("PATCH", "/process-instances/{partition}/{id}/cancel", 204),
    "createProcessInstances": ("POST", "/process-instances/batch", 200),
    "getProcessInstanceHistory": ("GET", "/process-instances/{partition}/{id}/history", 200),
    "completeJobs": ("POST", "/jobs/complete", 200),
}
OUR_MEMBERS = {"LockJobsCmd": {"requestTimeout", "lockTimeout"}, "JobCompletion": {"loopCardinality", "loopItems"}}
#: How many types of elements the contract has: they come first.
IN_CONTRACT = 37
OUR_WORDS = {
    "ElementType": {element_type.value for element_type in list(ElementType)[IN_CONTRACT:]},
    "JobType": {"SET_MULTI_INSTANCE"},
}


def contract() -> Mapping[str, Any]:
    """Return the contract, or skip the test."""
    if not CONTRACT.exists():
        pytest.skip("the contract is not beside this checkout")
    loaded: Mapping[str, Any] = json.loads(CONTRACT.read_text(encoding="utf-8"))
    return loaded
