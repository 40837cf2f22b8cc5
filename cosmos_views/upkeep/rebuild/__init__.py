"""Rebuild: count everything anew beside the generation in force, then switch."""
