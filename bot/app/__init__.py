"""Builds every object once and hands it to its users; alone knows all names."""
