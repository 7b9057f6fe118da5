"""What the OpenAPI document says of each operation beyond its summary: what its shapes cannot tell."""

from collections.abc import Mapping

_FINDING = """\
All conditions of the body have to hold; one that is left out or empty is none. The answer is a page of the rows in the
order of their ids, and knows all that was written before the query came.
"""

_REPEATABLE = """\
An `Idempotency-Key` has no effect, and is not needed: called again, this gives back what is held by then, if anything.
"""

_MANY = """\
Each item takes effect, or is refused, by itself: the answer tells for each in turn what it would have been answered
alone. An item that breaks a rule of the body has the whole request refused, and none takes effect.

Under an `Idempotency-Key`, items that took effect before are answered as they were then; those that were refused are
tried again.
"""

_SETTING = """\
A variable that is there gets the new value, one without `data` is deleted. An instance that has ended is refused with
409.
"""

OPERATION_TEXTS: Mapping[str, str] = {
    "createProcess": """\
The model has to have a process with the id `bpmnProcessId`. What the engine cannot run is refused with 422, naming
every element concerned. Definitions of events in the body count before those in the model. A version that was deployed
before with the very same text is answered as it is; with another text it is refused with 409. The new version takes
over the process's start events: messages, signals and timers start instances of it from now on.
""",
    "getBpmnXml": "The text is the one that was deployed, unchanged.\n",
    "queryProcesses": _FINDING,
    "queryElements": _FINDING,
    "createProcessInstance": """\
The instance begins at the none start event and runs until it waits everywhere; it is answered as it is then. With as
many instances running as the process's `parallelism` allows it is `QUEUED`.
""",
    "createProcessInstances": _MANY,
    "queryProcessInstances": _FINDING,
    "suspendProcessInstance": """\
No further element begins until the instance is resumed. What has begun stays open: jobs and user tasks can be
completed, timers, messages and signals come. Only an instance that is `STARTED` can be suspended, others are refused
with 409.
""",
    "resumeProcessInstance": "Only an instance that is `SUSPENDED` can be resumed, others are refused with 409.\n",
    "cancelProcessInstance": """\
The instance is `CANCELED`, its open elements are `TERMINATED`, its jobs and tasks `CANCELED`, its incidents closed. An
instance that has ended is refused with 409.
""",
    "getProcessVariables": "Instances that have ended have their variables still.\n",
    "getProcessInstanceHistory": """\
The facts are those of the log, the oldest first, each with the state of the instance after it: what lives in it then,
as the next decision finds it. `cause` is the fact that led to it, null where a request alone did, which `actor` made.
Values that are encrypted stay encrypted. A page ends at 1 MB, too; go on with `after` = `next`, null at the end. It is
for operators, auditors, administrators and owners: it tells who did what, and what variables were before.
""",
    "setProcessVariables": _SETTING,
    "queryElementInstances": _FINDING,
    "getElementVariables": """\
The answer has the variables of the element instance and of the scopes around it up to the process, by name and then by
element. Nothing is hidden: a name that several scopes have is there several times.
""",
    "setElementVariables": _SETTING,
    "lockJobs": """\
Locked jobs belong to the worker until it completes them or gives them back. With `requestTimeout` (milliseconds) the
answer waits that long for a job to come up, and comes when there is one. With `lockTimeout` the lock expires after that
time, and the job is due again.

Each call takes other jobs, so an `Idempotency-Key` has no effect: who did not get an answer gives back all that it
holds with `unlockJobs`, and locks again.
""",
    "completeJob": """\
Without `error` the job is done and its token goes on. With it, and with a `completion` that does not fit the job's
type, the job has failed: the status is 200 and the answer has an `error`. A failed job is tried again, as a new job,
while `retryLimit` is greater than its `retryCount`; else it becomes an incident. Variables are written either way. A
job that is not locked by this worker is refused with 409.
""",
    "completeJobs": _MANY,
    "unlockJobs": _REPEATABLE,
    "queryJobs": _FINDING,
    "queryUserTasks": _FINDING,
    "updateUserTask": """\
An update has to name the current revision, and makes the next one. Tags are merged with those that are there: one with
an empty value is deleted. At most one of `completed`, `errorCode` and `escalationCode` may be given.
""",
    "sendMessage": """\
A message reaches one receiver: an event that waits for its name and correlation key, or a start event of its name. One
that finds none is kept until it expires; without an `expirationTimer` it expires at once. While a message of the same
name, correlation key and `uniqueKey` is kept, or what it triggers has not been done, that one is answered and nothing
is sent.
""",
    "queryMessages": _FINDING,
    "queryMessageSubscriptions": _FINDING,
    "sendSignal": """\
A signal reaches every event that waits for its name now, and every start event of it. It is not kept for later ones.
""",
    "querySignalSubscriptions": _FINDING,
    "executeTasks": """\
A task that fails is told in the answer, whose status is 200 nevertheless. An `Idempotency-Key` has no effect: a task
runs once however often this is called, and another call runs what is due by then.
""",
    "unlockTasks": _REPEATABLE,
    "queryTasks": _FINDING,
    "queryIncidents": _FINDING,
    "resolveIncident": """\
The incident is closed and a new job or task takes the place of the failed one, with a `retryCount` of 0. A resolved
incident is refused with 409.
""",
    "queryVariables": f"{_FINDING}\nRows have no values: those are in the answers of the variables of one scope.\n",
    "setTime": """\
Everything that is due by the new time is due at once. The time never goes back: an earlier one is refused with 409.
Where `ANNALS_SET_TIME_ENABLED` is not set this is refused with 403; it is for the owner of the tenant `default`.
""",
    "checkReadiness": "No credential is needed, as long as the address has no query string.\n",
}
