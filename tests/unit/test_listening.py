"""Sockets on which a node listens."""

import asyncio
import socket

import pytest

from api.listening import AddressUnusable, bound_sockets
from infra.settings import Settings

HERE = Settings(host="127.0.0.1", port=0)


async def test_an_answer_does_not_wait_for_the_client_to_acknowledge_the_first_part_of_it() -> None:
    accepted: asyncio.Queue[int] = asyncio.Queue()

    def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_side = writer.get_extra_info("socket")
        accepted.put_nowait(server_side.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    with bound_sockets(HERE) as (bound,):
        async with await asyncio.start_server(greet, sock=bound) as server:
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            assert await accepted.get()
            writer.close()


def test_an_address_that_is_taken_is_named() -> None:
    with bound_sockets(HERE) as (taken,):
        taken.listen()
        port = taken.getsockname()[1]
        again = Settings(host="127.0.0.1", port=port)
        with pytest.raises(AddressUnusable, match=f"^127.0.0.1:{port} is taken"), bound_sockets(again):
            pass
