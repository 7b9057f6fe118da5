"""Refusals that only HTTP can give, because a request never became a command or a question.

::

    Rejection
    ├── InvalidInput
    │   ├── InvalidBody             the body is no JSON, or not what the operation takes
    │   ├── InvalidAddress          a path or query parameter cannot be read
    │   └── UnsupportedMediaType    the body is of another type than JSON
    ├── NotFound
    │   └── UnknownPath             nothing is served there
    ├── MethodNotAllowed            something is served there, but not to this method
    ├── Unauthorized                no valid credential came with the request
    │   ├── InvalidSignature        alerts came in, and nothing proves whose they are
    │   └── InvalidApiKey           with alerts came an API key that is not one of the tenant's
    └── TooManyRequests             the plan's requests of this minute are used up
"""

from collections.abc import Sequence

from domain.rejection import Cause, InvalidInput, NotFound, Rejection


class InvalidBody(InvalidInput):
    """The body is no JSON, or not what the operation takes."""

    def __init__(self, detail: str, causes: Sequence[Cause] = ()) -> None:
        super().__init__("invalid request body", detail, causes)


class InvalidAddress(InvalidInput):
    """A path or query parameter cannot be read."""


class UnsupportedMediaType(InvalidInput):
    """The body is of another type than JSON."""

    def __init__(self, media_type: str) -> None:
        super().__init__("unsupported media type", f"media type {media_type} is not supported")


class UnknownPath(NotFound):
    """Nothing is served there."""

    def __init__(self, path: str) -> None:
        super().__init__("unknown path", f"nothing is served at {path}")


class MethodNotAllowed(Rejection):
    """Something is served there, but not to this method; ``allow`` lists the methods that are."""

    def __init__(self, method: str, allow: str) -> None:
        super().__init__("method not allowed", f"method {method} is not allowed, but {allow}")
        self.allow = allow


class Unauthorized(Rejection):
    """No valid credential came with the request; ``challenge`` says which would do."""

    def __init__(self, detail: str, challenge: str) -> None:
        super().__init__("unauthorized", detail)
        self.challenge = challenge


#: What alerts of other systems have to come with.
SIGNATURE_CHALLENGE = 'Signature realm="annals", headers="x-webhook-signature"'


class InvalidSignature(Unauthorized):
    """Alerts came in, and nothing proves whose they are.

    Nobody learns from it which tenants there are, or which intakes they have.
    """

    def __init__(self) -> None:
        super().__init__("the request is not signed with the secret of an open intake", SIGNATURE_CHALLENGE)


class InvalidApiKey(Unauthorized):
    """With alerts came an API key that is not one of the tenant's."""

    def __init__(self) -> None:
        super().__init__("the API key is not one of the tenant's", SIGNATURE_CHALLENGE)


class TooManyRequests(Rejection):
    """The plan's requests of this minute are used up, for ``retry_after`` more seconds."""

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__("too many requests", detail)
        self.retry_after = retry_after
