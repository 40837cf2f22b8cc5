"""The pure middle: what a change says, what was counted before, what is therefore new.

Nothing here knows a clock, the environment, a network or randomness.
"""
