"""Servers of the local ground that close while clients keep connecting."""

import gc
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest

from emulators.cosmos import Endpoint

CLIENTS = 6


def connect_until(closed: threading.Event, address: tuple[str, int]) -> None:
    while not closed.is_set():
        with socket.socket() as client:
            client.settimeout(1)
            try:
                client.connect(address)
                client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            except OSError:  # it closed
                return


@pytest.mark.parametrize("attempt", range(6))
def test_no_connection_stays_open_when_the_endpoint_closes(attempt: int) -> None:
    """What stays open is a ResourceWarning, which fails the test that runs when it is collected."""
    closed = threading.Event()
    with Endpoint() as endpoint:
        url = urlsplit(endpoint.url)
        address = (url.hostname or "", url.port or 0)
        clients = [
            threading.Thread(target=connect_until, args=(closed, address)) for _ in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        time.sleep(0.01 * (1 + attempt % 4))
    closed.set()
    for client in clients:
        client.join()
    gc.collect()
