"""That the benchmarks run and report; never how fast."""
