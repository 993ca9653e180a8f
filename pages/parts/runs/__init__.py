"""Runs on screen: their progress, their list, and what each refused."""
