"""Opens and closes a listening socket so that no connection is lost at the end."""

import asyncio
import errno
import os
import socket


def listen(host: str, port: int) -> socket.socket:
    """Of a name, the first address; port 0 takes a free one. Raises OSError where it cannot."""
    try:
        (family, *_, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        number = errno.EADDRNOTAVAIL
        raise OSError(number, os.strerror(number)) from error
    return socket.create_server(address, family=family)


async def accept_no_more(listening: socket.socket) -> None:
    """Lets what was just accepted become a connection that the server knows and closes.

    To be awaited before the server is closed: asyncio forgets, unclosed, a connection whose server
    closes between accepting it and making its transport (cpython, gh-109564).
    """
    asyncio.get_running_loop().remove_reader(listening)
    for _ in range(5):
        await asyncio.sleep(0)
