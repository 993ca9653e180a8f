"""What runs beside the app: the background worker, cleanup, health checks, stage commands."""
