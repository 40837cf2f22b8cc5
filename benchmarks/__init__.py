"""Benchmarks: figures to judge the worker by, each printed by a command, none asserted in tests."""
