"""The audit reader: what the platform lost is found, an hour later, and repaired."""
