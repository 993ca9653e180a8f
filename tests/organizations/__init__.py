"""Tests of `core/organizations`."""
