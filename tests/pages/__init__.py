"""Tests of `core/pages`."""
