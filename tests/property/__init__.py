"""Random histories and deliveries, run through both stages in memory, against the oracle.

`python -m tests.property --examples 20000` is the long run; one seed repeats one run exactly.
"""
