"""Proofs: one set of rules over small worlds, walked by Hypothesis, raced, and killed amid writes.

`world` is what it happens to, `rules` what may happen, `invariants` what must hold afterwards.
`python -m tests.prove --races 100000` runs as much of it as there is time for.
"""
