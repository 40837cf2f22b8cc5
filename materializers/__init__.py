"""What is shown: one file per view, and the grains they share."""
