"""Tests of `core/imports`."""
