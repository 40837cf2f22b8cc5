"""The local ground as its user meets it: real processes, ports and signals."""
