"""Reconcile: the proof finds what is wrong, names it, and repairs it."""
