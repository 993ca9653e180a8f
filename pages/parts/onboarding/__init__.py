"""Parts about onboarding: the board, charts, forms, the stage path."""
