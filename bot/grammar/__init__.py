"""How a line is understood: pure functions, no I/O."""
