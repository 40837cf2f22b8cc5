"""Mirrors `ledger/`: one promise per test, laws as properties."""
