"""Alembic migrations; inside the package, so that ``qidesk db upgrade`` always finds them.

A migration is a new file, never an edit. Write one with ``alembic revision --autogenerate -m …``.
"""
