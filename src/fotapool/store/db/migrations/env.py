"""Runs migrations on the connection that migrate_to_head passes; called by Alembic."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
