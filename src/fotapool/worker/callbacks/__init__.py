"""The way out: sends callbacks over HTTP, to addresses that they may go to, and signs them."""
