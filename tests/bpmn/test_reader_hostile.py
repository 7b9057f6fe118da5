"""Documents made to hurt the reader are refused quickly, without touching a file or the network (reliability: 5.3)."""

import gc
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from domain.bpmn.reader import read_process
from domain.bpmn.reader.document import MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS
from domain.rejection import InvalidModel
from tests.bpmn.refusing import document, refusal

#: Seconds of processor time. Refusing takes up to 0.07 here, reading 10,000 elements 0.17; a loop over all pairs of
#: them would take a minute.
LONGEST_REFUSAL = 0.2
LONGEST_READING = 2.0


def with_doctype(subset: str, content: str = "") -> str:
    return f'<?xml version="1.0"?><!DOCTYPE definitions {subset}>{document(content)}'


def billion_laughs(levels: int = 10) -> str:
    entities = '<!ENTITY l0 "lol">' + "".join(
        f"<!ENTITY l{level} '{f'&l{level - 1};' * 10}'>" for level in range(1, levels)
    )
    return with_doctype(f"[{entities}]", f"<documentation>&l{levels - 1};</documentation>")


def filled(begin: str, repeated: str, end: str) -> str:
    """Repeat something until the document is just within the size limit."""
    return begin + repeated * ((MAX_BYTES - len((begin + end).encode())) // len(repeated.encode())) + end


def crowded(repeated: str, number: int) -> str:
    """Repeat something with its number in the place of each ``#``."""
    return "".join(repeated.replace("#", str(index)) for index in range(number))


BEGIN, END = '<definitions><process id="p" isExecutable="true">', "</process></definitions>"
DOCTYPE = "a DOCTYPE is not allowed"

REFUSED_FOR = {
    "nothing": ("", "the document is empty"),
    "white space": (" \n\t", "the document is empty"),
    "a byte order mark": ("\ufeff", "the document is empty"),
    "text": ("hello", "Start tag expected"),
    "json": ('{"a": 1}', "Start tag expected"),
    "another root": ('<html><process id="p"/></html>', "the root is not a definitions element"),
    "an end tag missing": ("<definitions>", "Premature end"),
    "two roots": ("<definitions/><definitions/>", "Extra content"),
    "a prefix defined elsewhere": (
        '<definitions><b:a/><a xmlns:b="u"/></definitions>',
        "Namespace prefix b on",
    ),
    "an undefined entity": (document("&nbsp;"), "Entity 'nbsp' not defined"),
    "NUL": (document("\x00"), "Invalid character"),
    "a control character": (document("\x0b"), "invalid Char"),
    "a reference to NUL": (document("&#0;"), "invalid xmlChar"),
    "half a surrogate pair": (document("\ud800"), "half a surrogate pair"),
    "UTF-16 read as Latin-1": (document("").encode("utf-16").decode("latin-1"), "Start tag expected"),
    "UTF-7": ("+ADw-definitions/+AD4-", "Start tag expected"),
    "billion laughs": (billion_laughs(), DOCTYPE),
    "quadratic blow-up": (with_doctype(f'[<!ENTITY a "{"x" * 50_000}">]', "&a;" * 20_000), DOCTYPE),
    "an entity that refers to itself": (with_doctype('[<!ENTITY a "&b;"><!ENTITY b "&a;">]', "&a;"), DOCTYPE),
    "a file as an entity": (with_doctype('[<!ENTITY f SYSTEM "file:///etc/hostname">]', "&f;"), DOCTYPE),
    "a URL as an entity": (with_doctype('[<!ENTITY f SYSTEM "http://127.0.0.1:9/f">]', "&f;"), DOCTYPE),
    "a parameter entity": (with_doctype('[<!ENTITY % f SYSTEM "http://127.0.0.1:9/f">%f;]'), DOCTYPE),
    "an external DTD": (with_doctype('SYSTEM "http://127.0.0.1:9/bpmn.dtd"'), DOCTYPE),
    "a public DTD": (with_doctype('PUBLIC "-//X//Y" "file:///etc/hostname"'), DOCTYPE),
    "an empty DOCTYPE": (with_doctype(""), DOCTYPE),
    "a DOCTYPE behind comments": ("<!-- -> --><?a ?>\n<!---->" + "<!DOCTYPE definitions><definitions/>", DOCTYPE),
    "a DOCTYPE behind a comment that is none": ("<!--><!DOCTYPE definitions><definitions/>", "Comment not terminated"),
    "a DOCTYPE behind many instructions": (filled("", "<?a?>", "<!DOCTYPE x><x/>"), DOCTYPE),
    "a DOCTYPE after the root": ("<definitions/><!DOCTYPE definitions>", "Extra content"),
    "an XInclude": (
        document('<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="file:///etc/hostname" parse="text"/>'),
        "inclusion of other documents",
    ),
    "a byte too much": (document("x" * MAX_BYTES), f"more than {MAX_BYTES} bytes"),
    "wide characters too much": (document("中" * (MAX_BYTES // 3)), f"more than {MAX_BYTES} bytes"),
    "too deep a document": (document("<a>" * MAX_DEPTH + "</a>" * MAX_DEPTH), f"more than {MAX_DEPTH} deep"),
    "much too deep a document": (filled("", "<a>", ""), "depth"),
    "too many elements": (document('<task id="a"/>' * MAX_ELEMENTS), f"more than {MAX_ELEMENTS} elements"),
    "much too many elements": (filled(BEGIN, "<a/>", END), f"more than {MAX_ELEMENTS} elements"),
    "too many attributes": (
        document(("<a" + crowded(' a#="1"', 90) + "/>") * 600),
        "more than 50000 attributes",
    ),
    "too many attributes of one element": (
        "<definitions" + crowded(' a#="1"', 80_000) + "/>",
        "too many different names",
    ),
    "one attribute many times": (filled("<definitions ", 'a="1" ', "/>"), "redefined"),
    "too many namespaces": (
        "<definitions" + crowded(' xmlns:a#="u"', 50_000) + "/>",
        "too many different names",
    ),
    "a namespace as long as the document": (f'<definitions xmlns="{"u" * 1_000_000}"/>', "too many different names"),
    "different tags all over": (
        document(crowded("<aaaaaaaaaa#/>", 9_000)),
        "too many different names",
    ),
    "a tag as long as the document": (f"<{'a' * 1_000_000}/>", "too many different names"),
    "too long an id": (document(f'<task id="{"a" * 256}"/>'), "an ID has more than 255 characters"),
    "too long a name": (document(f'<task id="t" name="{"a" * 1001}"/>'), "a name has more than 1000 characters"),
    "an attribute that never ends": (filled("<definitions a='", "x", ""), "AttValue"),
    "a comment that never ends": (filled("<!-- ", "x", ""), "Comment not terminated"),
    "CDATA that never ends": (filled("<definitions><![CDATA[", "x", ""), "CData section not finished"),
    "an instruction that never ends": (filled("<definitions><?x ", "x", ""), "PI x never end"),
    "a declaration that never ends": (filled("<?xml ", " ", ""), ""),
    "spaces within a tag that never ends": (filled("<definitions ", " ", ""), ""),
    "names that look like attributes": (filled("<definitions ", "a ", ""), ""),
    "namespaces without a value": (filled("<definitions ", "xmlns", ""), ""),
    "namespaces with an open value": (filled("<definitions ", "xmlns='\" ", ""), ""),
    "nothing but angle brackets": ("<" * 1_000_000, "invalid element name"),
}


@contextmanager
def taking_less_than(seconds: float) -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < seconds


@pytest.mark.parametrize(("xml", "reason"), REFUSED_FOR.values(), ids=REFUSED_FOR.keys())
def test_a_hostile_document_is_refused_for_what_it_is(xml: str, reason: str) -> None:
    with taking_less_than(LONGEST_REFUSAL):
        refused = refusal(xml)
    assert refused.detail.startswith("BPMN XML is invalid: ")
    assert reason in refused.detail
    assert len(refused.detail) < 300
    assert refused.causes == ()


HEAVY = {
    "text": document("<documentation>" + "x" * 1_000_000 + "</documentation>"),
    "CDATA": document("<documentation><![CDATA[" + "<a b='c'>" * 100_000 + "]]></documentation>"),
    "comments": document("<!-- a = b -->" * 70_000),
    "character references": document("<documentation>" + "&#65;" * 200_000 + "</documentation>"),
    "an attribute": document(f'<documentation id="d" textFormat="{"x" * 1_000_000}"/>'),
    "depth": document('<task id="t">' + "<a>" * (MAX_DEPTH - 3) + "</a>" * (MAX_DEPTH - 3) + "</task>"),
    "conditions": document(
        '<exclusiveGateway id="g"/><serviceTask id="t"/>'
        + crowded(
            '<sequenceFlow id="f#" sourceRef="g" targetRef="t">'
            '<conditionExpression language="https://cel.dev">n == # || m == # || k == #</conditionExpression>'
            "</sequenceFlow>",
            1_000,
        )
    ),
    "messages": document(
        crowded('<receiveTask id="t#" messageRef="m#"/>', 4_000), beside=crowded('<message id="m#" name="#"/>', 4_000)
    ),
    "tasks": document("".join(f'<task id="t{number}"/>' for number in range(9_000))),
}


@pytest.mark.parametrize("xml", HEAVY.values(), ids=HEAVY.keys())
def test_a_large_but_harmless_document_is_read(xml: str) -> None:
    with taking_less_than(LONGEST_READING):
        assert read_process(xml, "p").bpmn_process_id == "p"


def nested(depth: int, inner: str) -> str:
    begin = "".join(f'<subProcess id="{"s" * 250}{level}">' for level in range(depth))
    return begin + inner + "</subProcess>" * depth


GATEWAY = '<exclusiveGateway id="g"/><task id="t"/>'
CONDITION = '<conditionExpression language="https://cel.dev">'
CLOSING = "</conditionExpression></sequenceFlow>"

WRONG = {
    "problems whose pointers are long": nested(95, "<userTask/>" * 9_000),
    "duplicates": '<userTask id="a"/>' * 9_000,
    "one flow with many sources and targets": crowded('<task id="t#"><outgoing>f</outgoing></task>', 2_400)
    + crowded('<task id="u#"><incoming>f</incoming></task>', 2_400),
    "flows between nothing": crowded('<sequenceFlow id="f#" sourceRef="a#" targetRef="b#"/>', 9_000),
    "one loop of all": crowded('<task id="t#"/>', 4_000)
    + "".join(f'<sequenceFlow id="f{n}" sourceRef="t{n}" targetRef="t{(n + 1) % 4_000}"/>' for n in range(4_000)),
    "many loops": crowded('<task id="t#"/><sequenceFlow id="f#" sourceRef="t#" targetRef="t#"/>', 4_500),
    "a chain of joins that feed each other": crowded('<parallelGateway id="t#"/>', 3_000)
    + "".join(
        f'<sequenceFlow id="f{n}" sourceRef="t{n}" targetRef="t{n + 1}"/>'
        f'<sequenceFlow id="g{n}" sourceRef="t{n + 1}" targetRef="t{n}"/>'
        for n in range(2_999)
    ),
    "links in scopes that do not catch them": "<subProcess id='s'><startEvent id='i'/>"
    + crowded('<intermediateCatchEvent id="c#"><linkEventDefinition name="A"/></intermediateCatchEvent>', 2_000)
    + "</subProcess>"
    + crowded('<intermediateThrowEvent id="t#"><linkEventDefinition name="A"/></intermediateThrowEvent>', 2_000),
    "an event-based gateway that leads everywhere": '<eventBasedGateway id="g"/>'
    + crowded('<task id="t#"/><sequenceFlow id="f#" sourceRef="g" targetRef="t#"/>', 4_500),
    "conditions that are none": GATEWAY
    + crowded(f'<sequenceFlow id="f#" sourceRef="g" targetRef="t">{CONDITION}# +{CLOSING}', 1_000),
    "long conditions that are none": GATEWAY
    + crowded(
        f'<sequenceFlow id="f#" sourceRef="g" targetRef="t">{CONDITION}{"a#+" * 70}{CLOSING}',
        500,
    ),
    "too many conditions": GATEWAY
    + crowded(f'<sequenceFlow id="f#" sourceRef="g" targetRef="t">{CONDITION}a{CLOSING}', 4_900),
    "a gateway with many flows and one condition": GATEWAY
    + f'<sequenceFlow id="f" sourceRef="g" targetRef="t">{CONDITION}a{CLOSING}'
    + crowded('<sequenceFlow id="f#" sourceRef="g" targetRef="t"/>', 9_000),
    "a chain of inclusive joins": crowded('<inclusiveGateway id="t#"/>', 3_000)
    + "".join(
        f'<sequenceFlow id="f{n}" sourceRef="t{n}" targetRef="t{n + 1}"/>'
        f'<sequenceFlow id="g{n}" sourceRef="t{n + 1}" targetRef="t{n}">{CONDITION}a{CLOSING}'
        for n in range(900)
    ),
    "a chain of links": crowded(
        '<intermediateCatchEvent id="c#"><linkEventDefinition name="#"/></intermediateCatchEvent>'
        '<intermediateThrowEvent id="t#"><linkEventDefinition name="#"/></intermediateThrowEvent>'
        '<sequenceFlow id="f#" sourceRef="c#" targetRef="t#"/>',
        1_900,
    ),
    "multi-instance markers with nothing to repeat": crowded(
        '<endEvent id="e#"><multiInstanceLoopCharacteristics/></endEvent>', 4_900
    ),
    "timers inside one another": "<endEvent id='e'>"
    + "<timerEventDefinition><timeDate>x</timeDate></timerEventDefinition>" * 4_900
    + "</endEvent>",
    "events with many definitions": f"<endEvent id='e'>{'<signalEventDefinition/>' * 9_000}</endEvent>",
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG.keys())
def test_a_model_with_more_problems_than_anyone_reads_is_refused_in_bounded_time_and_words(content: str) -> None:
    xml = document(content)
    with taking_less_than(LONGEST_READING):
        refused = refusal(xml)
    assert sum(len(cause.pointer) + len(cause.detail) for cause in refused.causes) < 1_100_000


def test_a_list_of_problems_that_is_cut_short_says_so() -> None:
    assert refusal(document(WRONG["problems whose pointers are long"])).causes[-1].detail == (
        "process p has more problems than these"
    )


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_refusing_many_documents_of_new_names_costs_no_memory_for_good() -> None:
    def refuse(number: int) -> None:
        names = "".join(f"<n{number}x{index}xxxxxxxxxxxxxxxxxxxxxxxxxx/>" for index in range(20_000))
        with pytest.raises(InvalidModel):
            read_process(document(names), "p")

    for number in range(5):
        refuse(number)
    gc.collect()
    before = resident_bytes()
    for number in range(5, 45):
        refuse(number)
    gc.collect()
    assert resident_bytes() - before < 15_000_000


def test_reading_asks_no_server_for_what_a_document_refers_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)  # noqa: FBT003  (the argument has no name)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/bpmn"
        for subset in (f'SYSTEM "{url}"', f'[<!ENTITY f SYSTEM "{url}">]', f'[<!ENTITY % f SYSTEM "{url}">%f;]'):
            refusal(with_doctype(subset, "&f;" if "ENTITY f" in subset else ""))
        schema = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation'
        assert read_process(
            f'<definitions {schema}="{url} {url}"><import location="{url}"/>{BEGIN[13:]}{END}', "p"
        ).elements
        with pytest.raises(BlockingIOError):
            server.accept()
