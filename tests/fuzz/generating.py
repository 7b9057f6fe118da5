"""Requests generated from the OpenAPI document by schemathesis, which follows its links and checks the answers."""

import copy
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder

from tests.fuzz.generating_incidents import ABOUT, intakes, signed_webhooks
from tests.fuzz.generating_incidents import BEGINNINGS as OF_INCIDENTS

Json = dict[str, Any]

#: Checks that ask what Annals does not promise: the contract's bodies are taken in more forms than a schema has words
#: for (null for "not given", names in any case), and refused for reasons that it has none for (models, cron); and to
#: OPTIONS Litestar names only one of two methods that a path has.
LEFT_OUT = ("positive_data_acceptance", "negative_data_rejection", "allow_header_conformance")

#: Where scenarios begin, by links of ours: schemathesis holds operations with a ``workerId`` for followers of others.
BEGINNINGS = ("createProcess", "createProcessInstance", "lockJobs", "registerTenant", *OF_INCIDENTS)
HEALTH = "/healthz"

#: The paths of the APIs about incidents, those of all others, and all paths.
INCIDENTS = r"/(v1|api|admin/intakes|webhooks)\b.*"
OTHERS = rf"(?!{INCIDENTS}).*"
EVERYWHERE = ".*"

#: Members that narrow a question down to what hardly ever is there.
NARROWING = (
    "id",
    "processIds",
    "elementId",
    "elementInstanceId",
    "taskId",
    "parentId",
    "bpmnElementId",
    "states",
    "jobId",
)
QUESTIONS = ("lockJobs", "queryJobs", "queryIncidents", "queryElementInstances", "queryVariables")


class Round(NamedTuple):
    """What schemathesis does at one go: phases, examples for each operation, and the seed of its chance.

    ``area`` is a regular expression of the paths at which it does that.
    """

    phases: tuple[str, ...]
    examples: int
    seed: int
    area: str = EVERYWHERE


class Figures(msgspec.Struct):
    """What came of the requests. ``succeeded`` counts answers of 2xx by operation, the others are told by request."""

    requests: int = 0
    statuses: Counter[int] = msgspec.field(default_factory=Counter)
    succeeded: Counter[str] = msgspec.field(default_factory=Counter)
    checks: Counter[str] = msgspec.field(default_factory=Counter)
    server_errors: list[str] = msgspec.field(default_factory=list)
    deviations: list[str] = msgspec.field(default_factory=list)
    broken_off: list[str] = msgspec.field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """Everything that should not be."""
        return [*self.server_errors, *self.deviations, *self.broken_off]

    def count(self, recorder: ScenarioRecorder) -> None:
        for case, interaction in recorder.interactions.items():
            self.requests += 1
            operation = recorder.cases[case].value.operation.label
            if interaction.response is None:
                self.broken_off.append(f"{operation}: no answer to {interaction.request.uri}")
                continue
            status = interaction.response.status_code
            self.statuses[status] += 1
            if status < 300:
                self.succeeded[operation] += 1
            if status >= 500:
                self.server_errors.append(f"{operation}: {status} {interaction.response.text[:300]}")
        for nodes in recorder.checks.values():
            for node in nodes:
                self.checks[node.name] += 1
                if node.failure_info is not None:
                    told = node.failure_info
                    self.deviations.append(
                        f"{node.name}: {told.failure.title}: {told.failure.message}\n{told.code_sample}"
                    )


def attack(
    url: str, key: str, rounds: Iterator[Round], requests: int, told: Callable[[Figures], None] = lambda _: None
) -> Figures:
    """Go on until so many requests are through; ``told`` hears how it stands."""
    document = schemathesis.openapi.from_url(f"{url}/schema/openapi.json").raw_schema
    figures = Figures()
    with signed_webhooks(intakes(url, key)):
        for going in rounds:
            if figures.requests >= requests:
                break
            _attack(_schema(url, key, _part_of(document, going.area), going), figures, requests, told)
    return figures


def _attack(schema: Any, figures: Figures, requests: int, told: Callable[[Figures], None]) -> None:
    """Go one round."""
    stream = from_schema(schema).execute()
    for event in stream:
        if isinstance(event, events.ScenarioFinished):
            figures.count(event.recorder)
            told(figures)
            if figures.requests >= requests:
                stream.stop()
        elif isinstance(event, events.NonFatalError):
            figures.broken_off.append(f"{event.label}: {event.value!r}")
        elif isinstance(event, events.FatalError):
            figures.broken_off.append(repr(event.exception))


def _part_of(document: Json, area: str) -> Json:
    """Return the document of the operations in an area, with links between them alone."""
    part = copy.deepcopy(document)
    part["paths"] = {path: item for path, item in part["paths"].items() if path == HEALTH or re.fullmatch(area, path)}
    part["paths"].pop("/events/stream", None)  # its answers have no end
    # What was deleted may still be shown to who asks for an earlier position: then nothing could be held against it.
    for item in (item for item in part["paths"].values() if "delete" in item):
        for operation in item.values():
            kept = [given for given in operation.get("parameters", ()) if given["name"] != "minPosition"]
            operation["parameters"] = kept
    operations = [operation for item in part["paths"].values() for operation in item.values()]
    names = {operation["operationId"] for operation in operations}
    for response in (response for operation in operations for response in operation["responses"].values()):
        links = {name: link for name, link in response.pop("links", {}).items() if link["operationId"] in names}
        response.update({"links": links} if links else {})
    links = {name: {"operationId": name} for name in BEGINNINGS if name in names}
    part["paths"][HEALTH]["get"]["responses"]["200"]["links"] = links
    # A request that waits a minute for a job, as it may, would be all that this comes to.
    part["components"]["schemas"]["LockJobs"]["properties"]["requestTimeout"]["maximum"] = 20
    for parameter in part["paths"].get("/events", {}).get("get", {}).get("parameters", ()):
        if parameter["name"] == "wait":
            parameter["schema"]["maximum"] = 0
    return part


def _schema(url: str, key: str, document: Json, going: Round) -> Any:
    config = SchemathesisConfig.from_dict(
        {
            "seed": going.seed,
            "base-url": url,
            "headers": {"X-API-Key": key},
            "continue-on-failure": True,
            "request-timeout": 30,
            "generation": {
                "max-examples": going.examples,
                "database": "none",
                "no-shrink": True,
                "with-security-parameters": False,
            },
            "checks": {name: {"enabled": False} for name in LEFT_OUT},
            "phases": {
                **{phase: {"enabled": phase in going.phases} for phase in ("examples", "coverage", "fuzzing")},
                "stateful": {
                    "enabled": "stateful" in going.phases,
                    "max-steps": 20,
                    "inference": {"algorithms": []},
                },
            },
        }
    )
    schema = schemathesis.openapi.from_dict(document, config=config)
    schema.hook(map_body)
    return schema


def map_body(context: Any, body: Any) -> Any:
    """Make three of four bodies about something that exists: by chance alone, hardly any would ever be."""
    raw = context.operation.definition.raw
    chance = zlib.crc32(json.dumps(body, default=str, sort_keys=True).encode())
    if not isinstance(body, dict) or chance % 4 == 0:
        return body
    return _about_something(raw["operationId"], body, raw["requestBody"]["content"]["application/json"], chance)


def _about_something(operation: str, body: Json, content: Mapping[str, Any], chance: int) -> Any:
    if operation in ABOUT:
        return ABOUT[operation](body, content, chance)
    given = dict(body)
    if "workerId" in given:
        given["workerId"] = "w"
    if operation == "createProcess":
        given = {**content["example"], **{name: given[name] for name in ("tags", "workerId") if name in given}}
    if operation == "createProcessInstance":
        given |= {"bpmnProcessId": "invoice", "version": "1"}
    if operation == "createProcessInstances":
        given["items"] = content["example"]["items"]
    if operation in QUESTIONS:
        given = {name: value for name, value in given.items() if name not in NARROWING}
    if operation == "completeJob":
        given = {name: value for name, value in given.items() if name in {"workerId", "processVariables"}}
        given |= {"error": "no"} if chance % 3 == 0 else {}
    return given
