"""Tests of `core/ops`."""
