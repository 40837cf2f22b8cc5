"""Stage 2: state becomes views. One file per view; the algebra, fold and publish serve them all."""
