"""What Orgdesk knows and does, without a word about screens; `.importlinter` is the map."""
