"""What a document of each source means: facts, labels, prices, and what is known of a user."""
