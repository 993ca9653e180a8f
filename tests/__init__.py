"""What Orgdesk promises, tried on both engines, in its pages, and in a real browser."""
