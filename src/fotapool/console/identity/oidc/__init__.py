"""Sign-in of people through an OpenID provider: authorization code flow with PKCE."""
