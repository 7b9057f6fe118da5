"""From text to an XML tree, with everything refused that a BPMN document needs no more than an attacker does.

The order matters. A DOCTYPE (and with it every entity, DTD and external reference) is refused before lxml sees it, and
so is too large a vocabulary, because libxml2 keeps each name that it ever met for the life of the thread (measured:
1.3 MB for a document of 0.9 MB). What costs only the time of one parse is refused after it.
"""

import re
from collections.abc import Callable, Container

from lxml import etree
from lxml.etree import _Element as XmlElement

from domain.rejection import InvalidModel

TITLE = "failed to create process"

MAX_BYTES = 1_048_576
MAX_DEPTH = 100
MAX_ELEMENTS = 10_000
MAX_ATTRIBUTES = 50_000
MAX_ID_LENGTH = 255
MAX_NAME_LENGTH = 1_000
#: Characters in all different tags, attribute names and namespaces together; real models have about 2,000.
MAX_VOCABULARY = 20_000

_LONGEST_REASON = 200

# Linear in the text, whatever the text is: each pattern starts at a delimiter and never reads a run twice.
_PROLOG = re.compile(r"(?:[ \t\r\n]++|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
_TAG = re.compile(r"<([^\s<>/!?=\"']+)")
_ATTRIBUTE = re.compile(r"\s([^\s<>/=\"']+)\s*=")
_PREFIX = re.compile(r"[<\s]([^\W\d][\w.-]{0,254}+):[^\s<>/=:\"']++(?=[\s=/>])")
_DECLARED = re.compile(r"\sxmlns:([^\s=:<>]{1,255})\s*=")
_NAMESPACE = re.compile(r"xmlns(?::[^\s=:<>]{1,255})?\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")

_DOCTYPE = "a DOCTYPE is not allowed"

#: Too much of something, cheapest to find first.
_EXCESSES: tuple[tuple[Callable[[XmlElement], object], str], ...] = tuple(
    (etree.XPath(condition), reason)
    for condition, reason in (
        (f"count(//*) > {MAX_ELEMENTS}", f"the document has more than {MAX_ELEMENTS} elements"),
        (f"count(//@*) > {MAX_ATTRIBUTES}", f"the document has more than {MAX_ATTRIBUTES} attributes"),
        (f"boolean({'/*' * (MAX_DEPTH + 1)})", f"elements are nested more than {MAX_DEPTH} deep"),
        (f"boolean(//@id[string-length() > {MAX_ID_LENGTH}])", f"an ID has more than {MAX_ID_LENGTH} characters"),
        (
            f"boolean(//@name[string-length() > {MAX_NAME_LENGTH}])",
            f"a name has more than {MAX_NAME_LENGTH} characters",
        ),
        (
            "boolean(//*[namespace-uri() = 'http://www.w3.org/2001/XInclude'])",
            "inclusion of other documents is not allowed",
        ),
    )
)


class UndeclaredPrefixError(InvalidModel):
    """The document uses a namespace prefix that it does not declare."""


def invalid_xml(reason: str) -> InvalidModel:
    """Say that the text is no BPMN document (contracts/engine.md 2.2, step 1)."""
    return InvalidModel(TITLE, f"BPMN XML is invalid: {reason}")


def read_definitions(xml: str) -> XmlElement:
    """Parse a BPMN document and return its root, or raise ``InvalidModel``.

    An encoding named in the XML declaration is ignored: the document arrived as text. Any prefix will do
    (contracts/engine.md 2.3), also one that the document does not declare.
    """
    text = xml.lstrip("\ufeff \t\r\n")
    _refuse_before_parsing(text)
    try:
        root = _parse(text)
    except UndeclaredPrefixError:
        root = _parse(_with_all_prefixes(text))
    for is_refused, reason in ((_has_doctype, _DOCTYPE), *_EXCESSES):
        if is_refused(root):
            raise invalid_xml(reason)
    if local_name(root) != "definitions":
        raise invalid_xml("the root is not a definitions element")
    return root


def local_name(element: XmlElement) -> str:
    """Return the tag without its namespace."""
    return str(element.tag).rpartition("}")[2]


def identifier(element: XmlElement, attribute: str = "id") -> str:
    """Return an id, or a reference to one, without the white space around it."""
    return str(element.get(attribute, "")).strip()


def referred(reference: str, known: Container[str]) -> str:
    """Return the id that a reference means; one that is not known may be qualified with a namespace prefix."""
    local = reference.rpartition(":")[2]
    return local if reference not in known and local in known else reference


def text_of(element: XmlElement) -> str:
    """Return the text inside an element, without the white space around it."""
    return (element.text or "").strip()


def _refuse_before_parsing(text: str) -> None:
    if not text:
        raise invalid_xml("the document is empty")
    # A character is at least a byte: the cheap comparison spares encoding what is too long anyway.
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise invalid_xml(f"the document has more than {MAX_BYTES} bytes")
    if _prolog_ends_with_doctype(text):
        raise invalid_xml(_DOCTYPE)
    if _vocabulary(text) > MAX_VOCABULARY:
        raise invalid_xml("the document has too many different names")


def _prolog_ends_with_doctype(text: str) -> bool:
    """Step over the declaration, comments and instructions before the root; only there may a DOCTYPE stand."""
    rest = _PROLOG.match(text)
    return rest is not None and text.startswith("<!DOCTYPE", rest.end())


def _vocabulary(text: str) -> int:
    names = {*_TAG.findall(text), *_ATTRIBUTE.findall(text)}
    namespaces = {double or single for double, single in _NAMESPACE.findall(text)}
    return sum(map(len, names)) + sum(map(len, namespaces))


def _parse(text: str) -> XmlElement:
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(text.encode("utf-8"), parser)
    except UnicodeEncodeError:
        raise invalid_xml("the document has half a surrogate pair") from None
    except etree.XMLSyntaxError as error:
        code: int = getattr(error, "code", 0)  # the type hints of lxml leave it out
        if code == etree.ErrorTypes.NS_ERR_UNDEFINED_NAMESPACE:
            raise UndeclaredPrefixError(TITLE, f"BPMN XML is invalid: {_in_one_line(str(error.msg))}") from None
        raise invalid_xml(_in_one_line(error.msg or "it cannot be parsed")) from None
    return root


def _with_all_prefixes(text: str) -> str:
    """Declare at the root, each for a namespace of its own, the prefixes that the document declares nowhere."""
    missing = {*_PREFIX.findall(text)} - {*_DECLARED.findall(text)} - {"xml", "xmlns"}
    prolog = _PROLOG.match(text)
    root = _TAG.match(text, prolog.end() if prolog is not None else 0)
    if root is None:
        return text
    declarations = "".join(f' xmlns:{prefix}="urn:undeclared:{prefix}"' for prefix in sorted(missing))
    return text[: root.end()] + declarations + text[root.end() :]


def _has_doctype(root: XmlElement) -> bool:
    """Say what lxml thinks, should it ever see a DOCTYPE where ``_prolog_ends_with_doctype`` does not."""
    return root.getroottree().docinfo.internalDTD is not None


def _in_one_line(reason: str) -> str:
    return " ".join(reason.split())[:_LONGEST_REASON]
