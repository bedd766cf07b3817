"""The device API at /device/v1: check-in, download, status reports, logs (docs/device-protocol.md)."""
