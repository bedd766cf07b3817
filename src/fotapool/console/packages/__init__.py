"""Pages about firmware packages, and about the configuration files of accounts."""
