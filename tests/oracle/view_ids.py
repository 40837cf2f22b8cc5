"""Names inside view document ids."""


def encoded(name: str) -> str:
    """Percent-encodes exactly what an id may not contain, and the percent sign itself."""
    return "".join(f"%{ord(c):02X}" if c in "/\\?#%" else c for c in name)
