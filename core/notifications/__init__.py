"""Who hears of what: history is read once and handed on as alerts and digests."""
