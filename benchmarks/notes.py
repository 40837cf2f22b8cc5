"""What the figures do not say by themselves, by question: why, and what would get further."""

NOTES: dict[str, str] = {}
