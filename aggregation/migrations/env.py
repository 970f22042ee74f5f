"""Alembic's entry: runs on the connection that `migrate` hands over."""

from alembic import context

from aggregation.migrations import VERSION_TABLE
from aggregation.schema import analytics

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=analytics,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
