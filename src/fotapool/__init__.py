"""fotapool: a stateful server for FOTA licenses that speaks the ThingSpace Software Management API."""

__version__ = "0.1.0"
