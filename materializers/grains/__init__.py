"""Grains: what is counted, at the finest place any view needs it.

Views share these measures: a verse cited today is counted once, under its source and day, and
every view that shows it rolls up from there. A grain says what a fact, or a user's history,
contributes to state keys `{grain}:{key}`.
"""
