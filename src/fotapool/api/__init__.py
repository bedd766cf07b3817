"""The documented API: sign-in and its three versions, each a translation to and from the services."""
