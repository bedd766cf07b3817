"""All SQL: the schema, the two databases, the group-commit writer, and one file a noun."""
