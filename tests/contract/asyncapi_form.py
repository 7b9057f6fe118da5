"""The form of an AsyncAPI 3.0.0 document, as far as ours goes: what has to be there, and what may be.

The specification's own JSON Schema is not among the packages that we install. Whoever has it (``npm pack
@asyncapi/specs``, ``schemas/3.0.0-without-$id.json``, draft 7) finds nothing wrong with the document either.
"""

from typing import Any

_TEXT = {"type": "string"}
_NAME = {"pattern": r"^[\w\d.\-_]+$"}
_REFERENCE = {"type": "object", "required": ["$ref"], "properties": {"$ref": _TEXT}, "additionalProperties": False}
_DESCRIBED = {"title": _TEXT, "summary": _TEXT, "description": _TEXT}


def _object(required: list[str], **members: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": members, "additionalProperties": False}


def _named(member: Any) -> dict[str, Any]:
    return {"type": "object", "propertyNames": _NAME, "additionalProperties": member}


_CHANNEL = _object(
    [],
    address={"type": ["string", "null"]},
    messages=_named({"anyOf": [_REFERENCE, {"$ref": "#/$defs/message"}]}),
    **_DESCRIBED,
)
_HTTP_OPERATION = _object(
    [],
    method={"enum": ["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE"]},
    query={"type": "object"},
    bindingVersion={"enum": ["0.2.0", "0.3.0"]},
)
_OPERATION = _object(
    ["action", "channel"],
    action={"enum": ["send", "receive"]},
    channel=_REFERENCE,
    messages={"type": "array", "items": _REFERENCE},
    security={"type": "array", "items": {"anyOf": [_REFERENCE, {"$ref": "#/$defs/security"}]}},
    bindings=_object([], http=_HTTP_OPERATION),
    **_DESCRIBED,
)
_MESSAGE = _object(
    [],
    name=_TEXT,
    contentType=_TEXT,
    headers={"type": ["object", "boolean"]},
    payload={"type": ["object", "boolean"]},
    bindings={"type": "object"},
    **_DESCRIBED,
)
_SECURITY = {
    "oneOf": [
        _object(
            ["type", "name", "in"],
            type={"const": "httpApiKey"},
            name=_TEXT,
            **{"in": {"enum": ["header", "query", "cookie"]}},
            description=_TEXT,
        ),
        _object(
            ["type", "scheme"],
            type={"const": "http"},
            scheme=_TEXT,
            bearerFormat=_TEXT,
            description=_TEXT,
        ),
    ]
}

DOCUMENT = {
    "$defs": {"message": _MESSAGE, "security": _SECURITY},
    **_object(
        ["asyncapi", "info"],
        asyncapi={"const": "3.0.0"},
        info=_object(["title", "version"], title=_TEXT, version=_TEXT, description=_TEXT),
        defaultContentType=_TEXT,
        channels=_named(_CHANNEL),
        operations=_named(_OPERATION),
        components=_object(
            [], messages=_named(_MESSAGE), schemas=_named({"type": "object"}), securitySchemes=_named(_SECURITY)
        ),
    ),
}
