"""Shared by all tests: the cast, database engines, mail servers, hostile input."""
