"""Tests of core.duplicates."""
