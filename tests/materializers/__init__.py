"""Mirrors `materializers/`: one promise per test, laws as properties."""
