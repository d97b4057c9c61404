"""Numbered, forward-only migrations of the schema, run by Alembic when a store is opened."""
