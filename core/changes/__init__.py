"""Changes that are taken back: the undo of one entry of history, and of that undo again.

An entry says which values it replaced. Its inverse is the ordinary use case, called with the old
value: with the same rights, the same checks and the same locks, and recorded by a new entry that
says what it undoes. Only use cases put anything back.

    acts = changes.plan(session, actor, entry_ids)    # what would happen; nothing is changed
    made = changes.undo(session, actor, entry_id, reason="A slip.")    # the entry of the undo
    changes.undo(session, actor, made.id)             # redo

Both are called in a write transaction: `db.run(changes.plan, actor, ids)`. A plan is shown, never
carried out: `undo` plans again once the locks are taken. A refusal is raised as a `DomainError` and
rolled back to a savepoint, so a bulk job catches it, lists it and goes on; it puts its number on
the entries by `change_tracking.because(session, run_id=…)` around the call, and passes no `proof`,
so that what takes a password is refused. `undo_all` undoes the few entries of one act.

`cells` names what an entry changed · `judgement` says what can be put back · `inverse` is the shape
of a way back, and `inverses` the table of them, by event · `changes` plans and undoes ·
`undo_marks` says for a list of entries which are undone, and which can be · `entry_access` who may
look · `labels` the words of a plan · `as_of` an organization as it was at a moment.
"""
