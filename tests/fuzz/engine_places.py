"""The routes of the engine, the views and the administration that take an id or a name of something."""

from collections.abc import Iterator

from tests.fuzz.tenancy import Asked, Belongings, Place

#: Far above the ids that are given in a test, and as many digits as theirs never have.
NOWHERE = 1_999_999_999
NO_KEY = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def engine_places(have: Belongings) -> dict[str, Place]:
    """Return each route of the engine, of the views and of the administration of tenants and keys."""
    numbered = {name: (asked, str(theirs), str(NOWHERE)) for name, (asked, theirs) in by_all_numbers(have)}
    return {**numbered, **criteria(have), **by_name(have)}


def by_all_numbers(have: Belongings) -> Iterator[tuple[str, tuple[Asked, int]]]:
    """Yield the routes that take the number of something of theirs, or its position in the log."""
    yield from by_number(have).items()
    history = f"/process-instances/{have.instance['partition']}/<id>/history"
    yield "process instance history", (Asked("GET", history), have.instance["id"])
    yield "event", (Asked("GET", "/events/<id>"), int(have.event["id"]))


def by_number(have: Belongings) -> dict[str, tuple[Asked, int]]:
    """Return the routes that take the number of something of theirs."""
    by, day = f'"workerId": "{have.tenant}"', have.instance["partition"]
    variables = f'{{{by}, "variables": [{{"name": "v", "data": {{"encoding": "e", "value": "1"}}}}]}}'
    instance, element = f"/process-instances/{day}/<id>", f"/element-instances/{day}/<id>"
    return {
        "xml": (Asked("GET", "/processes/<id>/bpmn-xml"), have.process["id"]),
        "process variables": (Asked("GET", f"{instance}/variables"), have.instance["id"]),
        "set process variables": (Asked("PUT", f"{instance}/variables", variables), have.instance["id"]),
        "suspend": (Asked("PATCH", f"{instance}/suspend", f"{{{by}}}"), have.instance["id"]),
        "resume": (Asked("PATCH", f"{instance}/resume", f"{{{by}}}"), have.instance["id"]),
        "element variables": (Asked("GET", f"{element}/variables"), have.job["elementInstanceId"]),
        "set element variables": (Asked("PUT", f"{element}/variables", variables), have.job["elementInstanceId"]),
        "complete": (Asked("PATCH", f"/jobs/{day}/<id>/complete", f"{{{by}}}"), have.job["id"]),
        "complete what is completed": (Asked("PATCH", f"/jobs/{day}/<id>/complete", f"{{{by}}}"), have.stuck["id"]),
        "resolve": (Asked("PATCH", f"/incidents/{day}/<id>/resolve", f"{{{by}}}"), have.incident["id"]),
        "unlock": (Asked("POST", "/jobs/unlock", f'{{{by}, "partition": "{day}", "id": <id>}}'), have.job["id"]),
        "lock one": (Asked("POST", "/jobs/lock", f'{{"limit": 9, {by}, "id": <id>}}'), have.job["id"]),
        "lock of processes": (
            Asked("POST", "/jobs/lock", f'{{"limit": 9, {by}, "processIds": [<id>, 1999999998]}}'),
            have.process["id"],
        ),
        "lock of an instance": (
            Asked("POST", "/jobs/lock", f'{{"limit": 9, {by}, "processInstanceId": <id>}}'),
            have.instance["id"],
        ),
        "execute": (Asked("POST", "/tasks/execute", '{"limit": 9, "processInstanceId": <id>}'), have.instance["id"]),
        "execute of a process": (
            Asked("POST", "/tasks/execute", '{"limit": 9, "processId": <id>}'),
            have.process["id"],
        ),
        "execute one": (Asked("POST", "/tasks/execute", '{"limit": 9, "id": <id>}'), 1),
        "cancel": (Asked("PATCH", f"{instance}/cancel", f"{{{by}}}"), have.canceled["id"]),
        "user task": (Asked("PATCH", f"/user-tasks/{day}/<id>", f'{{{by}, "revision": 1}}'), have.user_task["id"]),
        "complete several": (
            Asked("POST", "/jobs/complete", f'{{"items": [{{{by}, "partition": "{day}", "id": <id>}}]}}'),
            have.stuck["id"],
        ),
        "unlock a task": (Asked("POST", "/tasks/unlock", '{"engineId": "default-engine", "id": <id>}'), have.job["id"]),
    }


def by_name(have: Belongings) -> dict[str, Place]:
    """Return the routes that take the name of something of theirs."""
    key = have.process["bpmnProcessId"]
    return {
        **by_their_process(have),
        "heatmap": (
            Asked("GET", "/incidents/heatmap?processKey=<id>&version=1"),
            key,
            "none",
        ),
        "versions": (
            Asked("GET", "/incidents/incident-version-graph?processKey=<id>"),
            key,
            "none",
        ),
        "table": (
            Asked("GET", "/incidents/incidents-table?processKey=<id>&version=1&minResults=0&maxResults=9"),
            key,
            "none",
        ),
        "graph": (
            Asked("GET", "/incidents/incidents-graph?processKey=<id>&version=1"),
            key,
            "none",
        ),
        "totals": (
            Asked("GET", "/incidents/total-counts?processKey=<id>&version=1"),
            key,
            "none",
        ),
        "change a tenant": (Asked("PATCH", "/admin/tenants/<id>", '{"plan": "free"}'), have.tenant, "none"),
        "issue a key": (
            Asked("POST", "/admin/keys", '{"tenantId": "<id>", "role": "viewer", "name": "n"}'),
            have.tenant,
            "none",
        ),
        "revoke a key": (Asked("DELETE", "/admin/keys/<id>"), have.key_id, NO_KEY),
    }


def by_their_process(have: Belongings) -> dict[str, Place]:
    """Return the operations that take the name of a process, a signal or a message of theirs."""
    key = have.process["bpmnProcessId"]
    start = f'{{"bpmnProcessId": "<id>", "version": "1", "workerId": "{have.tenant}"}}'
    return {
        "start": (Asked("POST", "/process-instances", start), key, "none"),
        "start several": (Asked("POST", "/process-instances/batch", f'{{"items": [{start}]}}'), key, "none"),
        "send a signal": (
            Asked("POST", "/signals", '{"name": "<id>", "workerId": "w"}'),
            have.waiting["bpmnProcessId"],
            "none",
        ),
        "send a message": (
            Asked("POST", "/messages", '{"name": "<id>", "correlationKey": "<id>", "workerId": "w"}'),
            have.waiting["bpmnProcessId"],
            "none",
        ),
    }


def criteria(have: Belongings) -> dict[str, Place]:
    """Return a query for each criterion that takes an id or a name."""
    known = {
        "processes": {"id": have.process["id"]},
        "elements": {"processId": have.process["id"]},
        "process-instances": {key: have.instance[key] for key in ("id", "processId")}
        | {"rootId": have.instance["id"], "parentId": have.instance["id"]},
        "element-instances": {"id": have.job["elementInstanceId"], "processInstanceId": have.instance["id"]}
        | {"processId": have.process["id"], "parentId": have.job["elementInstanceId"] - 2},
        "jobs": {
            key: have.job[key] for key in ("id", "elementId", "elementInstanceId", "processId", "processInstanceId")
        },
        "tasks": {"id": 1, "processId": have.process["id"], "processInstanceId": have.instance["id"]}
        | {"elementId": have.job["elementId"], "elementInstanceId": have.job["elementInstanceId"]},
        "incidents": {
            "id": have.incident["id"],
            "jobId": have.stuck["id"],
            "taskId": 1,
            "processInstanceId": have.stuck["processInstanceId"],
        },
        "variables": {"processInstanceId": have.instance["id"], "elementInstanceId": have.job["elementInstanceId"]},
        "user-tasks": {
            key: have.user_task[key] for key in ("id", "elementInstanceId", "processId", "processInstanceId")
        },
        "messages": {"id": have.message["id"]},
        "messages/subscriptions": {"processInstanceId": have.waiting["id"]},
        "signals/subscriptions": {"processInstanceId": have.waiting["id"]},
    }
    return {
        **{
            f"{what} by {criterion}": (
                Asked("POST", f"/{what}/query", f'{{"{criterion}": <id>}}'),
                str(value),
                str(NOWHERE),
            )
            for what, values in known.items()
            for criterion, value in values.items()
        },
        **criteria_of_names(have),
    }


def criteria_of_names(have: Belongings) -> dict[str, Place]:
    """Return a query for each criterion that takes a name of messages or signals."""
    waiting = have.waiting["bpmnProcessId"]
    known = {
        "messages": {"name": have.message["name"]},
        "messages/subscriptions": {"name": waiting, "correlationKey": waiting},
        "signals/subscriptions": {"name": waiting},
    }
    return {
        f"{what} by {criterion}": (Asked("POST", f"/{what}/query", f'{{"{criterion}": "<id>"}}'), value, "nothing")
        for what, values in known.items()
        for criterion, value in values.items()
    }
