"""The framework of the pages: routes, calls, templates, lists, charts, downloads, static files."""
