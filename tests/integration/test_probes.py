"""What probes find at real servers on loopback, and that none reaches them where it must not (incidents.md 0.5)."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from domain.monitoring.events import CheckSettings
from infra.clock import Clock
from infra.probing.outcomes import REFUSED, Outcome
from infra.probing.probes import Probes, opened_probes
from infra.probing.web import MOST_BODY
from tests.integration.probing_targets import Authority, page, saying, served, silence

#: Nothing listens there.
NO_PORT = 1


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def probes(authority: Authority) -> AsyncIterator[Probes]:
    """Return probes that may reach loopback, and trust the authority of the tests."""
    async with opened_probes(Clock().wall, allow_special=True, trust=authority.trust) as opened:
        yield opened


@pytest.fixture
async def guarded(authority: Authority) -> AsyncIterator[Probes]:
    """Return probes as they are unless a setting says otherwise."""
    async with opened_probes(Clock().wall, allow_special=False, trust=authority.trust) as opened:
        yield opened


def check(kind: Any, target: str, **more: Any) -> CheckSettings:
    return CheckSettings("a check", kind, target, **{"timeout_ms": 5_000, **more})


def web(port: int, kind: str = "http", **more: Any) -> CheckSettings:
    return check(kind, f"http://127.0.0.1:{port}/health?deep=1", **more)


async def found(probes: Probes, settings: CheckSettings) -> tuple[str | None, str]:
    outcome = await probes.probe(settings)
    return outcome.type, outcome.message


def assert_well(outcome: Outcome) -> None:
    assert (outcome.type, outcome.message) == (None, "")
    assert outcome.latency_ms is not None
    assert outcome.latency_ms > 0


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "301 Moved", "304 Not Modified", "399 Odd"])
async def test_any_success_or_redirection_is_well(probes: Probes, status: str) -> None:
    async with served(page(status, b"" if status[:3] in {"204", "304"} else b"x")) as port:
        assert_well(await probes.probe(web(port)))


@pytest.mark.parametrize("status", ["400 Bad", "404 Not Found", "500 Oops", "503 Busy", "502 \x1b[2J"])
async def test_another_status_is_a_failure_that_names_it(probes: Probes, status: str) -> None:
    async with served(page(status)) as port:
        assert await found(probes, web(port)) == ("status_code", f"expected 200 to 399, got {status[:3]}")


async def test_an_expected_status_is_the_only_one_that_will_do(probes: Probes) -> None:
    async with served(page("418 Teapot")) as port:
        assert_well(await probes.probe(web(port, expected_status=418)))
        assert await found(probes, web(port, expected_status=200)) == ("status_code", "expected 200, got 418")


async def test_a_redirect_is_not_followed(probes: Probes) -> None:
    heard: list[bytes] = []
    async with (
        served(page(heard=heard)) as there,
        served(page("302 Found", headers=f"Location: http://127.0.0.1:{there}/\r\n")) as port,
    ):
        assert_well(await probes.probe(web(port)))
    assert heard == []


async def test_a_page_is_asked_for_as_its_address_says_without_cookies_of_earlier_answers(probes: Probes) -> None:
    heard: list[bytes] = []
    async with served(page(headers="Set-Cookie: a=b; Path=/\r\n", heard=heard)) as port:
        for _ in range(2):
            assert_well(await probes.probe(check("http", f"http://localhost:{port}/health?deep=1")))
    assert len(heard) == 2
    for asked in heard:
        assert asked.startswith(b"GET /health?deep=1 HTTP/1.1\r\n")
        assert f"Host: localhost:{port}\r\n".encode() in asked
        assert b"Cookie" not in asked


@pytest.mark.parametrize(
    ("body", "keyword"),
    [
        (b"all is well", "is well"),
        ("Größe €".encode(), "Größe €"),
        ("Größe €".encode("cp1252"), "Größe €"),
        ("🦊".encode(), "🦊"),
        (b"x" * 65_533 + b"needle" + b"x" * 9, "needle"),
        (b"x" * (MOST_BODY - 6) + b"needle", "needle"),
        (b"a", "a"),
    ],
)
async def test_a_keyword_is_found_in_the_first_megabyte_wherever_it_lies(
    probes: Probes, body: bytes, keyword: str
) -> None:
    async with served(page(body=body)) as port:
        assert_well(await probes.probe(web(port, "keyword", keyword=keyword)))


@pytest.mark.parametrize(
    ("body", "keyword"),
    [
        (b"", "needle"),
        (b"all is well", "All is well"),
        (b"x" * (MOST_BODY - 5) + b"needle", "needle"),
        (b"x" * (MOST_BODY + 5) + b"needle", "needle"),
        (b"foxes", "🦊foxes"),
        (b"x" * 100, "\u20ac" * 500),
    ],
)
async def test_a_keyword_that_is_not_there_is_missing(probes: Probes, body: bytes, keyword: str) -> None:
    async with served(page(body=body)) as port:
        failure, message = await found(probes, web(port, "keyword", keyword=keyword))
    assert failure == "keyword_missing"
    assert repr(keyword)[:400] in message
    assert len(message) <= 500


async def test_a_keyword_check_looks_at_the_status_first(probes: Probes) -> None:
    async with served(page("500 Oops", b"needle")) as port:
        assert (await found(probes, web(port, "keyword", keyword="needle")))[0] == "status_code"


async def test_a_body_without_end_is_not_read_to_its_end(probes: Probes) -> None:
    piece = b"%x\r\n%b\r\n" % (65_536, b"x" * 65_536)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with served(saying(head, *[piece] * 400)) as port:
        assert (await found(probes, web(port, "keyword", keyword="needle")))[0] == "keyword_missing"


async def test_a_compressed_body_is_read_too_and_a_bomb_does_not_go_off(probes: Probes) -> None:
    async with served(page(body=gzip.compress(b"a needle"), headers="Content-Encoding: gzip\r\n")) as port:
        assert_well(await probes.probe(web(port, "keyword", keyword="needle")))
    bomb = gzip.compress(bytes(200_000_000))
    async with served(page(body=bomb, headers="Content-Encoding: gzip\r\n")) as port:
        assert (await found(probes, web(port, "keyword", keyword="needle")))[0] == "keyword_missing"


async def test_no_answer_in_time_is_a_timeout_and_is_given_up(probes: Probes) -> None:
    began = asyncio.get_running_loop().time()
    async with served(silence) as port:
        for settings in (web(port, timeout_ms=200), check("ssl", f"127.0.0.1:{port}", timeout_ms=200)):
            assert await found(probes, settings) == ("timeout", "there was no answer in time")
    async with served(page(body=b"x" * 10, delay=5)) as port:
        assert (await found(probes, web(port, timeout_ms=200)))[0] == "timeout"
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx"

    async def dripping(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await asyncio.sleep(5)

    async with served(dripping) as port:
        assert (await found(probes, web(port, "keyword", keyword="needle", timeout_ms=200)))[0] == "timeout"
    assert asyncio.get_running_loop().time() - began < 4


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/9.9 999999 \r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"x" * 1_000_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: x\r\n" * 50_000 + b"\r\n",
        b"\x00" * 10_000,
    ],
)
async def test_what_is_not_http_is_no_answer(probes: Probes, answer: bytes) -> None:
    async with served(saying(answer)) as port:
        failure, message = await found(probes, web(port))
    assert failure == "connection_error"
    assert message.startswith("there was no answer: ")
    assert message.isprintable()


async def test_a_body_that_breaks_off_is_no_answer(probes: Probes) -> None:
    async with served(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")) as port:
        assert (await found(probes, web(port, "keyword", keyword="needle")))[0] == "connection_error"


@pytest.mark.parametrize(
    "settings",
    [web(NO_PORT), check("tcp", f"127.0.0.1:{NO_PORT}"), check("ssl", f"127.0.0.1:{NO_PORT}")],
    ids=lambda settings: settings.type,
)
async def test_a_port_at_which_nobody_listens_is_a_connection_error(probes: Probes, settings: CheckSettings) -> None:
    assert await found(probes, settings) == ("connection_error", "there was no answer: Connection refused")


@pytest.mark.parametrize("kind", ["http", "keyword", "tcp", "dns", "ssl"])
async def test_a_name_without_an_address_is_a_dns_error(probes: Probes, kind: str) -> None:
    for name in ("nobody.invalid", "a" * 64 + ".invalid"):
        target = f"https://{name}:443/" if kind in {"http", "keyword"} else f"{name}:443"
        failure, message = await found(probes, check(kind, target))
        assert failure == "dns_error", message
        assert message == "the name of the host has no address"


async def test_a_port_that_takes_connections_is_well(probes: Probes) -> None:
    async with served(silence) as port:
        for target in (f"127.0.0.1:{port}", f"tcp://localhost:{port}", f"[::ffff:127.0.0.1]:{port}"):
            assert_well(await probes.probe(check("tcp", target)))


@pytest.mark.parametrize("target", ["localhost", "localhost:443", "https://localhost/path", "dns://127.0.0.1"])
async def test_a_name_with_an_address_is_well(probes: Probes, target: str) -> None:
    assert_well(await probes.probe(check("dns", target)))


@pytest.mark.parametrize(
    "target", ["127.0.0.1", ":80", "tcp://", "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:x", "[::1"]
)
async def test_a_target_without_host_or_port_is_told(probes: Probes, target: str) -> None:
    failure, message = await found(probes, check("tcp", target))
    assert failure == "connection_error"
    assert message.startswith("the target names no ")


async def test_a_slow_answer_is_well_but_slow(probes: Probes) -> None:
    async with served(page(delay=0.15)) as port:
        outcome = await probes.probe(web(port, slow_threshold_ms=100))
        assert (outcome.type, outcome.latency_ms is not None and outcome.latency_ms >= 150) == ("slow_response", True)
        assert_well(await probes.probe(web(port, slow_threshold_ms=4_000)))


async def test_a_certificate_that_is_trusted_and_the_hosts_is_well(probes: Probes, authority: Authority) -> None:
    async with served(silence, authority.server()) as port:
        for target in (f"https://localhost:{port}/", f"localhost:{port}", f"127.0.0.1:{port}"):
            assert_well(await probes.probe(check("ssl", target)))
    async with served(page(), authority.server()) as port:
        assert_well(await probes.probe(check("http", f"https://localhost:{port}/")))


@pytest.mark.parametrize(("days", "well"), [(14.5, True), (13.5, False), (0.5, False), (-1, False)])
async def test_a_certificate_that_ends_within_a_fortnight_is_an_ssl_error(
    probes: Probes, authority: Authority, days: float, *, well: bool
) -> None:
    async with served(silence, authority.server(days=days)) as port:
        failure, message = await found(probes, check("ssl", f"localhost:{port}"))
    assert failure == (None if well else "ssl_error")
    assert well or "certificate" in message


async def test_a_page_is_asked_for_as_long_as_its_certificate_lasts(probes: Probes, authority: Authority) -> None:
    async with served(page(), authority.server(days=1)) as port:
        assert_well(await probes.probe(check("http", f"https://localhost:{port}/")))
    async with served(page(), authority.server(days=-1)) as port:
        assert await found(probes, check("http", f"https://localhost:{port}/")) == (
            "ssl_error",
            "no secure connection: certificate has expired",
        )


@pytest.mark.parametrize("kind", ["http", "ssl"])
async def test_a_certificate_of_another_host_or_of_a_stranger_is_an_ssl_error(
    probes: Probes, authority: Authority, tmp_path: Path, kind: str
) -> None:
    for tls in (authority.server(names=("shop.example.org",)), Authority(tmp_path).server()):
        async with served(page(), tls) as port:
            failure, message = await found(probes, check(kind, f"https://localhost:{port}/"))
        assert failure == "ssl_error"
        assert message.startswith("no secure connection: ")


@pytest.mark.parametrize("kind", ["http", "ssl"])
async def test_a_server_that_speaks_no_tls_is_an_ssl_error(probes: Probes, kind: str) -> None:
    async with served(saying(b"220 mail.example.org ESMTP\r\n")) as port:
        assert (await found(probes, check(kind, f"https://localhost:{port}/")))[0] == "ssl_error"


def spellings(port: int) -> list[CheckSettings]:
    """Return checks of loopback and its like, in as many ways as one may write them."""
    hosts = (
        "127.0.0.1",
        "127.1",
        "0177.0.0.1",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "0",
        "0.0.0.0",  # noqa: S104  (an address to refuse)
        "localhost",
        "LOCALHOST.",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "168.63.129.16",
        "10.0.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[fe80::1%25lo]",
        "[ff02::1]",
    )
    return [
        check(kind, f"{'https' if kind == 'ssl' else 'http'}://{userinfo}{host}:{port}/", timeout_ms=2_000)
        for kind in ("http", "keyword", "tcp", "ssl", "dns")
        for userinfo in ("", "example.org@", "example.org%20:x@")
        for host in hosts
    ]


async def test_no_probe_reaches_what_is_not_public_however_it_is_written(guarded: Probes) -> None:
    reached: list[bytes] = []

    async def canary(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        reached.append(b"a connection")

    async with served(canary) as port:
        outcomes = [await guarded.probe(settings) for settings in spellings(port)]
        await asyncio.sleep(0.05)
    assert reached == []
    assert {outcome.type for outcome in outcomes} <= {"connection_error", "dns_error"}
    refused = [outcome for outcome in outcomes if outcome == Outcome("connection_error", REFUSED)]
    assert len(refused) > 0.7 * len(outcomes)  # the others are no addresses to this system


async def test_an_open_and_a_closed_port_of_what_is_not_public_look_the_same(guarded: Probes) -> None:
    async with served(page()) as port:
        for kind in ("http", "tcp", "ssl"):
            there, nothing = [
                await guarded.probe(check(kind, f"http://127.0.0.1:{number}/")) for number in (port, NO_PORT)
            ]
            assert there == nothing == Outcome("connection_error", REFUSED)


async def test_the_environment_names_no_proxy(guarded: Probes, probes: Probes, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []
    async with served(page(heard=heard)) as proxy, served(page()) as port:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        assert_well(await probes.probe(web(port)))
        assert (await found(guarded, web(port)))[1] == REFUSED
    assert heard == []
