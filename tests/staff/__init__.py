"""Tests of `core/staff`."""
