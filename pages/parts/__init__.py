"""What pages are put together of, by the same domain names as core."""
