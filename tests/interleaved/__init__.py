"""Fold and publish of the unchanged code, interleaved in every way there is."""
