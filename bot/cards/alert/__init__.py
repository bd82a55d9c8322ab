"""Alerts as cards: a group of them, one case, lists; what is said where there is no card."""
