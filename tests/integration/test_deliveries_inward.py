"""No URL leads a delivery to an address inside, at no attempt: nothing there hears anything (reliability 5.2).

Canaries listen on loopback, and every connection that this process begins is noted, wherever it goes. The controls show
that both notice, and that a look beforehand would not do.
"""

import asyncio
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from itertools import chain, repeat
from typing import Any, NamedTuple

import pytest

from infra.delivery.posting import Answer, Poster, Terms, opened_poster
from infra.delivery.targets import Targets
from infra.outbound_addresses import AddressGuard
from tests.integration.inward_urls import ALIASES, DNS, NAMES, REDIRECTS, URLS
from tests.integration.probing_targets import page, served
from tests.name_server import Addresses, answering

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SECONDS = 0.5

#: An address that stands for a public one in tests of names that change: of the real ones none is to be connected to.
SEEMINGLY_PUBLIC = "127.0.0.77"

CONNECTIONS: list[str] = []
LISTENING = [False]


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    """Note every TCP connection that begins, successful or not."""
    if LISTENING[0] and event == "socket.connect" and arguments[0].type & socket.SOCK_STREAM:
        CONNECTIONS.append(str(arguments[1][0]))


sys.addaudithook(_note)


class Canary(NamedTuple):
    """Listeners on both kinds of loopback; ``heard`` counts their connections, ``begun`` all that were tried."""

    port: int
    heard: list[str]
    begun: list[str]


@contextmanager
def _noting() -> Iterator[list[str]]:
    CONNECTIONS.clear()
    LISTENING[0] = True
    try:
        yield CONNECTIONS
    finally:
        LISTENING[0] = False


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    heard: list[str] = []

    async def hear(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(str(writer.get_extra_info("sockname")))
        writer.close()

    first = await asyncio.start_server(hear, "0.0.0.0", 0)  # noqa: S104  (all of 127.0.0.0/8 is canaries)
    port = first.sockets[0].getsockname()[1]
    servers = [first]
    with suppress(OSError):
        servers.append(await asyncio.start_server(hear, "::1", port))
    with _noting() as begun:
        yield Canary(port, heard, begun)
    for server in servers:
        server.close()


@asynccontextmanager
async def posting(port: int, private: Sequence[str] = (), **names: Addresses) -> AsyncIterator[Poster]:
    """Open what may post to public addresses at a port, and asks a name server of ours for names."""
    known = {**NAMES, **{name.replace("_", "-") + ".test": found for name, found in names.items()}}
    async with answering(known, ALIASES) as server:
        terms = Terms(Targets((443, port), private), SECONDS, lambda: NOW, ssl.create_default_context(), [server])
        async with opened_poster(terms) as poster:
            yield poster


def test_there_are_72_of_them() -> None:
    assert len({*URLS}) + len({*REDIRECTS}) == 72


@pytest.mark.parametrize("url", URLS)
async def test_a_url_that_leads_inward_is_refused_and_nothing_there_hears_of_it(canary: Canary, url: str) -> None:
    async with posting(canary.port, rebinding=["127.0.0.1"]) as poster:
        for _ in range(2):
            answer = await poster.post(url.format(port=canary.port), {}, b"{}")
            assert answer == Answer("timeout" if "silent" in url else "address")
    assert (canary.heard, canary.begun) == ([], [])


@pytest.mark.parametrize(("status", "location"), REDIRECTS)
async def test_a_redirect_inward_is_not_followed(canary: Canary, status: int, location: str) -> None:
    async with served(page("307 T", headers=f"Location: https://127.0.0.1:{canary.port}/\r\n")) as other:
        where = location.replace("{self}", f"http://127.0.0.1:{other}/").format(port=canary.port)
        async with (
            served(page(f"{status} R", headers=f"Location: {where}\r\n")) as port,
            posting(canary.port, [f"127.0.0.1:{port}", f"127.0.0.1:{other}"]) as poster,
        ):
            assert await poster.post(f"http://127.0.0.1:{port}/", {}, b"{}") == ("status", status, 0.0)
    assert (canary.heard, canary.begun) == ([], ["127.0.0.1"])


@pytest.fixture
def one_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one address of loopback pass for a public one."""
    monkeypatch.setattr("infra.outbound_addresses.is_public", lambda address: address == SEEMINGLY_PUBLIC)
    monkeypatch.setattr("infra.outbound_addresses._is_own", lambda address: address != SEEMINGLY_PUBLIC)


def changing() -> Addresses:
    """Return a name that is public when it is first asked for, and inside from then on."""
    answers = chain([(SEEMINGLY_PUBLIC,)], repeat(("127.0.0.1",)))
    return lambda: next(answers)


async def test_a_name_that_turns_inward_is_refused_at_the_next_attempt(canary: Canary, one_is_public: None) -> None:
    async with posting(canary.port, changing=changing()) as poster:
        url = f"https://changing.test:{canary.port}/"
        assert (await poster.post(url, {}, b"{}")).result in {"tls", "connection"}
        assert await poster.post(url, {}, b"{}") == Answer("address")
    assert canary.begun == [SEEMINGLY_PUBLIC]


async def test_who_looks_before_and_connects_then_is_led_inward(canary: Canary, one_is_public: None) -> None:
    """The control for the test above, and the reason why it is the socket that is checked."""
    async with answering({"changing.test": changing()}) as server:
        before, after = AddressGuard(name_servers=[server]), AddressGuard(allow_special=True, name_servers=[server])
        await before.look_up("changing.test", canary.port)
        (*_, sockaddr), *_ = await after.look_up("changing.test", canary.port)
        with socket.socket() as led:
            led.settimeout(0)
            await asyncio.get_running_loop().sock_connect(led, sockaddr)
        await before.close()
        await after.close()
    assert canary.begun == ["127.0.0.1"]


async def test_without_the_guard_the_canaries_are_hit(canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: what leads to loopback is heard there."""
    monkeypatch.setattr("infra.outbound_addresses.AddressGuard.check", lambda _guard, _address: None)
    loopback = [url for url in URLS if "://127." in url or "://localhost" in url or "//[::1]" in url or url in DNS]
    async with posting(canary.port, rebinding=["127.0.0.1"], mixed=["127.0.0.1"]) as poster:
        for url in loopback:
            await poster.post(url.format(port=canary.port), {}, b"{}")
    assert len(canary.begun) >= len(canary.heard) >= 6


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
async def test_only_the_very_host_and_port_that_are_named_may_be_inside(canary: Canary, name: str) -> None:
    async with posting(canary.port, [f"{name}:{canary.port}"]) as poster:
        answer = await poster.post(f"http://{name}:{canary.port}/", {}, b"{}")
        assert answer.result in {"connection", "address"}  # there may be no IPv6
        before = len(canary.begun)
        assert await poster.post(f"http://{name}:{canary.port + 1}/", {}, b"{}") == Answer("address")
        assert await poster.post(f"http://127.0.0.2:{canary.port}/", {}, b"{}") == Answer("address")
        assert await poster.post(f"http://inside.test:{canary.port}/", {}, b"{}") == Answer("address")
    assert len(canary.begun) == before


async def test_another_port_than_those_of_the_settings_is_refused_without_a_look(canary: Canary) -> None:
    async with posting(8443) as poster:
        for url in (f"https://127.0.0.1:{canary.port}/", "https://example.test:22/", "http://example.test/"):
            assert await poster.post(url, {}, b"{}") == Answer("address")
    assert canary.begun == []
