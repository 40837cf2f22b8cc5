"""Stage 1: a change becomes state."""
