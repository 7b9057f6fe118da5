"""No spelling of an address that is not public gets a socket (reliability 5.2)."""

import asyncio
import socket
from collections.abc import AsyncIterator
from ipaddress import IPv4Network, IPv6Network

import pytest

from infra.outbound_addresses import SPECIAL_V4, SPECIAL_V6, AddressGuard, AddressRefused, is_public
from tests.name_server import answering

PUBLIC = (
    "1.1.1.1",
    "8.8.8.8",
    "172.15.255.255",
    "172.32.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "168.63.129.15",
    "192.0.1.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "2a00:1450::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
)

#: Ranges of IANA's registries, multicast, clouds' own services, and forms of IPv6 that carry such an IPv4 address.
NOT_PUBLIC = (
    "0.0.0.0",  # noqa: S104  (addresses to refuse)
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.8",
    "192.0.0.9",
    "192.0.0.192",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "64:ff9b:1:ffff::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "2002:808:808::1",
    "2620:4f:8000::1",
    "3ffe::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
)

#: What the system makes an address of this machine, or of its neighbours, out of; some systems know fewer of them.
SPELLINGS = (
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "0177.0.0.1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "017700000001",
    "0",
    "0.0.0.0",  # noqa: S104  (addresses to refuse)
    "169.254.43518",
    "0xa9fea9fe",
    "2852039166",
    "localhost",
    "LOCALHOST",
    "127。0。0。1",
    "①②⑦.⓪.⓪.①",
    "⑯⑨.254.169.254",
    "::1",
    "::ffff:7f00:1",
    "::ffff:127.0.0.1",
    "0:0:0:0:0:ffff:a9fe:a9fe",
)


@pytest.fixture
async def guard() -> AsyncIterator[AddressGuard]:
    made = AddressGuard()
    yield made
    await made.close()


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_of_another_kind_is_not_public(address: str) -> None:
    assert not is_public(address)


def test_both_ends_of_every_special_network_are_special() -> None:
    networks: tuple[IPv4Network | IPv6Network, ...] = (*SPECIAL_V4, *SPECIAL_V6)
    for network in networks:
        assert not is_public(str(network.network_address))
        assert not is_public(str(network.broadcast_address))


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "::ffff:127.0.0.1", "fe80::1"])
def test_no_socket_is_opened_for_an_address_that_is_not_public(guard: AddressGuard, address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with pytest.raises(AddressRefused):
        guard.open_socket((family, socket.SOCK_STREAM, 6, "", (address, 80)))


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_no_spelling_of_such_an_address_is_looked_up_to_one(guard: AddressGuard, spelling: str) -> None:
    with pytest.raises((AddressRefused, socket.gaierror)):
        await guard.look_up(spelling, 80)


async def test_the_spellings_do_lead_there_where_everything_is_allowed() -> None:
    """Were they unknown to this system, the test above would show nothing."""
    guard = AddressGuard(allow_special=True)
    led: set[str] = set()
    for spelling in SPELLINGS:
        try:
            led.update(sockaddr[0] for *_, sockaddr in await guard.look_up(spelling, 80))
        except socket.gaierror:
            continue
    await guard.close()
    assert {"127.0.0.1", "0.0.0.0", "169.254.169.254", "::1"} <= led  # noqa: S104  (addresses to refuse)


async def test_a_name_with_one_address_that_is_not_public_is_refused_as_a_whole() -> None:
    async with answering({"mixed.test": ["8.8.8.8", "10.0.0.1"], "public.test": ["8.8.8.8", "1.1.1.1"]}) as server:
        guard = AddressGuard(name_servers=[server])
        with pytest.raises(AddressRefused):
            await guard.look_up("mixed.test", 80)
        found = await guard.look_up("public.test", 80)
        await guard.close()
    assert {sockaddr for *_, sockaddr in found} == {("8.8.8.8", 80), ("1.1.1.1", 80)}


async def test_an_address_of_this_machine_is_refused_though_it_looks_public(
    guard: AddressGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.outbound_addresses.SPECIAL_V4", ())  # no other reason is left for 127.0.0.1
    with pytest.raises(AddressRefused):
        guard.check("127.0.0.1")


async def test_a_name_that_is_none_has_no_address(guard: AddressGuard) -> None:
    for name in ("a" * 64 + ".example.org", "..", "no such name", "\ud800"):
        with pytest.raises(socket.gaierror):
            await guard.look_up(name, 80)


async def test_names_that_nobody_answers_for_do_not_keep_others_from_theirs() -> None:
    async with answering({"healthy.test": ["8.8.8.8"]}) as server:
        guard = AddressGuard(name_servers=[server])

        async def given_up(number: int) -> None:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await guard.look_up(f"silent-{number}.test", 80)

        await asyncio.gather(*map(given_up, range(200)))
        async with asyncio.timeout(1):
            ((*_, sockaddr),) = await guard.look_up("healthy.test", 80)
        await guard.close()
    assert sockaddr == ("8.8.8.8", 80)


async def test_the_file_of_hosts_is_read_as_the_system_reads_it() -> None:
    """Without asking anybody: the name server is one that never answers."""
    async with answering({}) as server:
        guard = AddressGuard(allow_special=True, name_servers=[server])
        async with asyncio.timeout(1):
            found = await guard.look_up("localhost", 80)
        await guard.close()
    assert "127.0.0.1" in {sockaddr[0] for *_, sockaddr in found}
