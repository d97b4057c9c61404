"""What Alembic runs: the numbered migrations, inside the transaction that the store opened."""

from alembic import context

from runyard.stores.metadata.all_tables import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables,
    transactional_ddl=False,
)
context.run_migrations()
