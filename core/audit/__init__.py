"""History: an append-only, tamper-evident audit log, and its entries in words."""
