"""Stress tests: one set of rules, run by Hypothesis, in races, and killed during writes.

`dataset` is the initial data, `rules` are the operations on it, `invariants` must hold afterwards.
`python -m tests.prove --races 100000` runs as many as there is time for.
"""
