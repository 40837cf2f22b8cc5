"""Mirrors `processors/`: one promise per test, laws as properties."""
