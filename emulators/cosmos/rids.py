"""Resource ids: the opaque names the service gives beside the user's.

Guarantee: a container that is deleted and created again gets a new one, which is how clients
notice.
"""

import binascii
import struct


def _text(raw: bytes) -> str:
    # The service's alphabet: `/` would break the links that rids appear in.
    return binascii.b2a_base64(raw, newline=False).replace(b"/", b"-").decode()


def database(number: int) -> str:
    return _text(struct.pack(">I", number))


def container(database_number: int, number: int) -> str:
    return _text(struct.pack(">II", database_number, number | 0x80000000))


def item(database_number: int, container_number: int, number: int) -> str:
    return _text(struct.pack(">IIQ", database_number, container_number | 0x80000000, number))
