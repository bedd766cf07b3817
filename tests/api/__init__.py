"""Tests of the three versions and of sign-in, over real HTTP."""
