"""The console's frame: routes, page calls, templates, charts, static files."""
