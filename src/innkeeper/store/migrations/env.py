"""Alembic's entry: migrate on the connection that ``store.schema`` opened."""

from alembic import context

from innkeeper.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
