"""What a probe found, and which of the contract's failures an error is (contracts/incidents.md 3.2)."""

import os
import socket
import ssl
from collections.abc import Sequence

import aiohttp
import msgspec

from domain.incidents.events import FailureType
from infra.outbound_addresses import AddressRefused

LONGEST_MESSAGE = 500

#: Says nothing of what is there, nor whether anything is.
REFUSED = "the target is not a public address"


class Outcome(msgspec.Struct, frozen=True):
    """What a probe found: no ``type`` where all was well; ``latency_ms`` where there was an answer."""

    type: FailureType | None = None
    message: str = ""
    latency_ms: float | None = None


class Failed(Exception):
    """What was probed answered, and wrongly; ``type`` says how."""

    def __init__(self, failure: FailureType, message: str) -> None:
        super().__init__(message)
        self.type: FailureType = failure


#: What errors of libraries and of the system come to; the first that fits counts. Reasons go where the braces are.
FAILURES: Sequence[tuple[tuple[type[Exception], ...], FailureType, str]] = (
    ((AddressRefused,), "connection_error", REFUSED),
    ((TimeoutError,), "timeout", "there was no answer in time"),
    ((aiohttp.ClientSSLError, ssl.SSLError), "ssl_error", "no secure connection: {}"),
    ((aiohttp.ClientConnectorDNSError, socket.gaierror), "dns_error", "the name of the host has no address"),
    ((aiohttp.ClientError, OSError, EOFError), "connection_error", "there was no answer: {}"),
)

#: Reasons without a number of the system's.
REASONS: Sequence[tuple[tuple[type[Exception], ...], str]] = (
    ((aiohttp.ServerDisconnectedError, EOFError), "the connection was closed"),
    ((aiohttp.InvalidURL,), "the target is no URL"),
    ((Exception,), "what came is not HTTP"),
)


def outcome_of(error: Exception) -> Outcome | None:
    """Return what an error of a probe comes to; None for one that nobody foresaw."""
    if isinstance(error, Failed):
        return Outcome(error.type, _clean(str(error)))
    if isinstance(_behind(error), AddressRefused):
        error = AddressRefused()
    for kinds, failure, sentence in FAILURES:
        if isinstance(error, kinds):
            return Outcome(failure, _clean(sentence.format(_reason(_behind(error)))))
    return None


def _behind(error: Exception) -> Exception:
    """Return what the HTTP client has made its own error of."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return error.certificate_error
    return error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error


def _reason(error: Exception) -> str:
    """Say why, in words that tell no address: those of libraries do."""
    if isinstance(error, ssl.SSLError):
        return getattr(error, "verify_message", "") or error.reason or "the handshake failed"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return next(words for kinds, words in REASONS if isinstance(error, kinds))


def _clean(text: str) -> str:
    """Return a text that can be kept."""
    return "".join(character if character.isprintable() else " " for character in text)[:LONGEST_MESSAGE]
