"""Reading a body that the strict decoder did not take, the way the contract does (contracts/engine.md 1.1 and 1.4).

Member names are matched whatever their case, an explicit null means "not given", what follows the first value is
ignored, and what is wrong is named. Clients that write ``"retryTimer": null`` come here with every request, so this
costs microseconds too; only the place of a mistake is looked for when there is one.
"""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any, NamedTuple, NoReturn, TypeVar, get_args, get_origin

import msgspec

from api.engine.json_text import first_value, position_of, text_of
from api.refusals import InvalidBody

T = TypeVar("T", bound=msgspec.Struct)


class Misfit(Exception):
    """A value does not fit its member; ``path`` leads to it, ``reason`` is empty for a value of the wrong type."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.path: list[str | int] = []


def read(raw: bytes, body: type[T]) -> T:
    """Return the body that a request carries; raise ``InvalidBody`` for the first thing that is wrong with it."""
    text = text_of(raw)
    document = first_value(text)
    if document is None:
        raise InvalidBody("request body is null")
    if not isinstance(document, dict):
        raise InvalidBody("request body must be a JSON object")
    try:
        value: T = _members_of(body)(document)
    except Misfit as misfit:
        _tell(misfit, text)
    return value


Reader = Callable[[Any], Any]


class _Member(NamedTuple):
    attribute: str
    read: Reader


@cache
def _members_of(body: type[msgspec.Struct]) -> Reader:
    """Return a reader of JSON objects into this struct."""
    members: Mapping[str, _Member] = {
        field.encode_name: _Member(field.name, _reader_of(field.type)) for field in msgspec.structs.fields(body)
    }
    whatever_case = {name.lower(): member for name, member in members.items()}

    def read_object(value: Any) -> msgspec.Struct:
        if not isinstance(value, dict):
            raise Misfit
        given: dict[str, Any] = {}
        for name, content in value.items():
            member = members.get(name) or whatever_case.get(name.lower())
            if member is None:
                _refuse_unknown(name)
            if content is not None:
                given[member.attribute] = _read_below(name, member.read, content)
        try:
            return body(**given)
        except ValueError as error:
            raise Misfit(str(error)) from None

    return read_object


def _refuse_unknown(name: str) -> NoReturn:
    shown = json.dumps(name[:100].encode("utf-8", "replace").decode(), ensure_ascii=False)
    raise InvalidBody(f"unknown JSON field {shown}")


def _read_below(step: str | int, reader: Reader, value: Any) -> Any:
    try:
        return reader(value)
    except Misfit as misfit:
        misfit.path.insert(0, step)
        raise


def _reader_of(annotation: Any) -> Reader:
    """Return a reader for a member's type: a struct, a list, a text, or what msgspec converts by itself."""
    kind = _without_none(annotation)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _members_of(kind)
    if get_origin(kind) is tuple:
        return _list_reader(get_args(kind)[0])
    if kind is str:
        return _read_text
    if _is_written_as_text(kind):
        return lambda value: _convert(value, kind, told=True)
    return lambda value: _convert(value, kind, told=False)


def _without_none(annotation: Any) -> Any:
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    return kinds[0] if type(None) in get_args(annotation) else annotation


def _is_written_as_text(kind: Any) -> bool:
    bare = get_args(kind)[0] if get_args(kind) else kind
    return isinstance(bare, type) and issubclass(bare, date | datetime | Enum)


def _list_reader(item: Any) -> Reader:
    reader = _reader_of(item)
    bare = get_args(item)[0] if get_args(item) else item

    def read_list(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Misfit
        return tuple(
            _read_below(index, reader, content) if content is not None else _nothing(bare)
            for index, content in enumerate(value)
        )

    return read_list


def _nothing(kind: Any) -> Any:
    """Return what null stands for among the items of a list."""
    if issubclass(kind, Enum):
        raise Misfit("null is no value of this list")
    return kind()


def _read_text(value: Any) -> str:
    """Take any text that can be stored: no NUL character, no half of a surrogate pair."""
    if not isinstance(value, str) or "\0" in value:
        raise Misfit
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Misfit from None
    return value


def _convert(value: Any, kind: Any, *, told: bool) -> Any:
    try:
        return msgspec.convert(value, kind)
    except UnicodeEncodeError:  # half of a surrogate pair
        raise Misfit from None
    except msgspec.ValidationError as error:
        raise Misfit(str(error) if told else "") from None


def _tell(misfit: Misfit, text: str) -> NoReturn:
    if misfit.reason:
        raise InvalidBody(f"failed to unmarshal JSON: {misfit.reason}")
    field = ".".join(step for step in misfit.path if isinstance(step, str))
    raise InvalidBody(f"JSON field {field} has an invalid value at position {position_of(text, misfit.path)}")
