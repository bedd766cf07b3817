"""Tests of the three dialects and of sign-in, over real HTTP."""
