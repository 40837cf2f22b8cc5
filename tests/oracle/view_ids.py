"""Names inside view document ids, and ids that would be too long."""

from hashlib import sha256

LONGEST_ID = 1_000


def encoded(name: str) -> str:
    """`~` and two upper-case hex digits for each UTF-8 byte of what an id cannot safely carry."""
    written = ""
    for character in name:
        control = ord(character) < 0x20 or 0x7F <= ord(character) <= 0x9F
        if control or character in "/\\?#%~":
            written += "".join(f"~{byte:02X}" for byte in character.encode("utf-8"))
        else:
            written += character
    return written


def shortened(document_id: str) -> str:
    """An id above 1 000 bytes: its first 960 bytes, cut at a character, `~~`, and a hash of it."""
    whole = document_id.encode("utf-8")
    if len(whole) <= LONGEST_ID:
        return document_id
    kept = ""
    for character in document_id:
        if len((kept + character).encode("utf-8")) > 960:
            break
        kept += character
    return f"{kept}~~{sha256(whole).hexdigest()[:32]}"
