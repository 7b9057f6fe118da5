"""The models of the BPMN Model Interchange Working Group, which lie beside the project where they are to be had.

Each is deployed or refused with a list in which every element that the engine does not run is named once. Run with
``-rP`` to see what became of each.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from domain.rejection import InvalidModel
from tests.bpmn.refusing import read

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "bpmn" / "miwg"
PATHS = sorted(FOLDER.glob("*.bpmn"))

pytestmark = pytest.mark.skipif(not PATHS, reason="the models are not beside the project")

#: What is read, said once more and independently of the reader, which has its own table.
ACTIVITIES = {
    *("task", "manualTask", "userTask", "serviceTask", "scriptTask", "sendTask", "receiveTask", "businessRuleTask"),
    *("subProcess", "callActivity"),
}
GATEWAYS = {"exclusiveGateway", "parallelGateway", "inclusiveGateway", "eventBasedGateway"}
TRIGGERS = {
    "startEvent": {"message", "signal", "timer", "error", "escalation"},
    "intermediateCatchEvent": {"message", "signal", "timer", "link"},
    "intermediateThrowEvent": {"message", "signal", "escalation", "link"},
    "endEvent": {"message", "signal", "error", "escalation", "terminate"},
    "boundaryEvent": {"message", "signal", "timer", "error", "escalation"},
}
FLOW_NODE = re.compile(r"([tT]ask|Event|Gateway|[sS]ubProcess|callActivity|transaction)$")


def local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def processes() -> Iterator[tuple[Path, str]]:
    for path in PATHS:
        for element in ET.parse(path).getroot():  # noqa: S314  (files of a working group, and only in this test)
            if local(element) == "process":
                yield path, element.get("id", "")


def executable(xml: str) -> str:
    """Set every process of the text executable."""
    xml = re.sub(r'(<(?:\w+:)?process\b[^>]*?)\s+isExecutable="\w+"', r"\1", xml)
    return re.sub(r"(<(?:\w+:)?process\b)", r'\1 isExecutable="true"', xml)


def runs(node: ET.Element) -> bool:
    children = {local(child) for child in node}
    if "standardLoopCharacteristics" in children or any(local(child) == "completionCondition" for child in node.iter()):
        return False
    if any(node.get(name, "1") != "1" for name in ("startQuantity", "completionQuantity")):
        return False
    if node.get("instantiate") == "true" or node.get("eventGatewayType", "Exclusive") != "Exclusive":
        return False
    if local(node) in TRIGGERS:
        definitions = [local(child).removesuffix("EventDefinition") for child in node if "ventDefinition" in child.tag]
        return len(definitions) < 2 and TRIGGERS[local(node)].issuperset(definitions)
    return local(node) in ACTIVITIES | GATEWAYS and node.get("isForCompensation") != "true"


def ids_that_do_not_run(path: Path, process_id: str) -> set[str]:
    root = ET.parse(path).getroot()  # noqa: S314  (files of a working group, and only in this test)
    process = next(child for child in root if local(child) == "process" and child.get("id") == process_id)
    nodes = [node for node in process.iter() if FLOW_NODE.search(local(node))]
    assert all(node.get("id") for node in nodes)
    return {node.get("id", "") for node in nodes if not runs(node)}


def outcome(xml: str, process_id: str) -> tuple[str, set[str]]:
    """Read a process; return what became of it and which elements it was refused for."""
    try:
        elements = read(xml, process_id).elements
    except InvalidModel as error:
        refused = error
    else:
        return f"deployed with {len(elements)} elements", set()
    assert refused.detail == "BPMN process is invalid"
    assert all(cause.pointer.startswith(f"/{process_id}") for cause in refused.causes)
    unsupported = {cause.detail.split()[1] for cause in refused.causes if "is not supported: " in cause.detail}
    return f"refused for {len(refused.causes)} reasons", unsupported


def text_of(path: Path) -> str:
    """Return the model as a client would send it, whatever encoding it was saved in."""
    data = path.read_bytes()
    named = re.match(rb'<\?xml[^>]*encoding="([\w-]+)"', data)
    return data.decode(named[1].decode() if named else "utf-8")


@pytest.mark.parametrize(("path", "process_id"), list(processes()), ids=lambda value: getattr(value, "stem", value))
def test_a_model_of_the_working_group_is_deployed_or_refused_for_all_that_it_asks(path: Path, process_id: str) -> None:
    xml = text_of(path)
    began = time.perf_counter()
    as_it_is, named = outcome(xml, process_id)
    as_executable, named_when_executable = outcome(executable(xml), process_id)
    took = (time.perf_counter() - began) / 2
    print(f"{path.stem:6} {process_id:45} as it is: {as_it_is:24} executable: {as_executable:27} {took * 1e3:4.1f} ms")
    assert named == named_when_executable == ids_that_do_not_run(path, process_id)
    assert 'isExecutable="true"' in xml or as_it_is.startswith("refused")


def test_some_models_of_the_working_group_are_deployed() -> None:
    deployed = [
        outcome(executable(text_of(path)), process_id)[0].startswith("deployed") for path, process_id in processes()
    ]
    assert sum(deployed) >= 20
