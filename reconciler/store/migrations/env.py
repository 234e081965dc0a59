"""Alembic loads this file and expects it to run the migrations; the connection and its transaction are the caller's."""

from alembic import context

from reconciler.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,  # The caller's transaction spans all of it.
)
context.run_migrations()
