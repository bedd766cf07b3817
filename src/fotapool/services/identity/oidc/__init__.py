"""Sign-in through an OpenID provider: its settings, and the people who use it."""
