"""A deterministic world around the unchanged worker: see docs/simulation.md."""
