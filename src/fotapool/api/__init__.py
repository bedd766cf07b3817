"""The documented API: sign-in and the three dialects, each a translation to and from the use cases."""
