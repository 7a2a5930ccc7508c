"""How Alembic runs the steps: on the connection, and in the transaction, of the ledger that is being opened."""

from alembic import context

from ragscout.store.schema import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
