"""Tests of `core/onboarding`."""
