"""The device API at /device/v1: check-in, download, status reports, logs (docs/reference/device-protocol.md)."""
