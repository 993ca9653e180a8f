"""Imports of organizations and members from CSV and XLSX files: read, match, check, apply."""
