"""Where funds, positions and prices come from."""
