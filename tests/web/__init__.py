"""Tests of `core/web`."""
