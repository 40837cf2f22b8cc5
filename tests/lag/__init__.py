"""Lag: nothing to do, much to do, and standing still are three different things."""
