"""What is remembered of a user, so that distinct counts, first days and tiers stay exact."""
