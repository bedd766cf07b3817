"""The database: connections, schema, migrations, writer, reader and audit."""
