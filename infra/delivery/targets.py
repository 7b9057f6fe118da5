"""Where deliveries may go, by what a URL says; which addresses its host may have is checked as the socket is made.

Both are looked at for each attempt: a URL that was fine when it was registered may be one no longer.
"""

from collections.abc import Sequence
from typing import NamedTuple

from yarl import URL

from commands.webhook_fields import url as faults_of_url


class TargetRefused(Exception):
    """Nothing is delivered there."""


class Target(NamedTuple):
    """``url`` is what is asked for; ``private`` says that the deployment has named its host."""

    url: URL
    private: bool


class Targets:
    """Tells where deliveries may go: to ``ports`` by https, and anywhere on the hosts of ``private``.

    These are named as URLs name them, with a port (``host:port``) where only that one is meant. They may be reached by
    plain http, and have addresses that are not public.
    """

    def __init__(self, ports: Sequence[int], private: Sequence[str]) -> None:
        self._ports = frozenset(ports)
        self._private = frozenset(name.lower() for name in private)

    def target(self, text: str) -> Target:
        """Return where a URL leads; raise ``TargetRefused``."""
        if any(faults_of_url(text)):
            raise TargetRefused
        try:
            url = URL(text)
        except ValueError as error:
            raise TargetRefused from error
        host, port = url.raw_host, url.port  # as it is connected to: what reads like a name is not always one
        if not host or not port or url.user is not None or url.password is not None:
            raise TargetRefused
        shown = f"[{host}]" if ":" in host else host
        if not self._private.isdisjoint({shown, f"{shown}:{port}"}):
            return Target(url, private=True)
        if url.scheme != "https" or port not in self._ports:
            raise TargetRefused
        return Target(url, private=False)
