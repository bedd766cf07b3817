"""All SQL: both databases, the schema, the writer and the reader in db/, and a module per feature."""
