"""What was done, provably, and in words."""
