"""The outbox: messages are queued with their cause, rendered, digested and delivered."""
