"""How fast it is, how much it takes and how it grows: `make bench`.

Each figure is held against a baseline of the same run on the same machine: the smallest honest program that does the
same (`tests.benchmarks.baselines`). What is measured is the real program in a process of its own; the stand-ins of the
services are in another, so that their work is not counted as ours. `tests/benchmarks/README.md` says what it means.
"""
