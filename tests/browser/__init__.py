"""Journeys in a real browser: what people see, on a desktop and on a phone."""
