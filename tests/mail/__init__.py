"""Tests of `core/mail`."""
