"""Migrations, sample data of any size, and the pictures of the README."""
