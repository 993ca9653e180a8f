"""From a free account to production: stages, checks, the board, and bulk flagging."""
