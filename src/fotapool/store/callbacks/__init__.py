"""SQL on callback listeners and deliveries."""
