"""Tests of `core/base`."""
