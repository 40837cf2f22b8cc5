"""Opens and closes a listening socket so that no connection is lost at the end."""

import asyncio
import socket


def listen(host: str, port: int) -> socket.socket:
    """Port 0 takes a free one. Raises OSError if the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


async def accept_no_more(listening: socket.socket) -> None:
    """Lets what was just accepted become a connection that the server knows and closes.

    To be awaited before the server is closed: asyncio forgets, unclosed, a connection whose server
    closes between accepting it and making its transport (cpython, gh-109564).
    """
    asyncio.get_running_loop().remove_reader(listening)
    for _ in range(5):
        await asyncio.sleep(0)
