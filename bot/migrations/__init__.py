"""Alembic migrations; inside the package, so that ``qidesk db upgrade`` always finds them.

A migration is a new file, never an edit: ``alembic upgrade head`` brings a scratch store up, then
``alembic revision --autogenerate -m …`` writes what the models have and it has not.
"""
