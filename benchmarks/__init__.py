"""What is fast, measured: each figure beside a floor in the same run. ``make bench`` runs all."""
