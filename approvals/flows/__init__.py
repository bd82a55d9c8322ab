"""Flows as data."""
