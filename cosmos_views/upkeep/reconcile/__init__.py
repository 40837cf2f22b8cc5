"""Reconcile: prove that sources, ledger, partials and views agree, and repair what does not."""
