"""Tests of `core/profile`."""
