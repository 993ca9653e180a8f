"""Undo: the line after an act, and the dialog that asks before something is put back."""
