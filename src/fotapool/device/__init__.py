"""The edge that devices call: check-in, download, status reports, logs (docs/reference/device-protocol.md)."""
