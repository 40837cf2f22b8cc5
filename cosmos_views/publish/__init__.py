"""Stage 2: state becomes views. The algebra, the journal, the fold and the publisher."""
