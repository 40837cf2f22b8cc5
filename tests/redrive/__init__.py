"""Redrive: what could not be applied counts once its reason is gone, and never twice."""
