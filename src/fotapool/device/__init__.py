"""The edge that devices call: check-in, download, status reports, logs (docs/device-protocol.md)."""
