"""Onboarding: stages and gates, bulk flagging, the board, statistics."""
