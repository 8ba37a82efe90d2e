"""Modelport beside its peers, measured in one run on one machine.

`make bench` runs it (`python -m benchmarks`), `python -m benchmarks.report` writes the pages again from the results.

peers/          one folder a contender: what it runs, and the lock of its environment
models.py       the models everyone serves          scenarios.py   who is asked what
contenders.py   how each is started and asked       environments.py  their environments
process.py      starts, times, weighs and stops one  wrk.py, wrk.lua  the load
rounds.py       takes turns, remembers every round   results.py     medians and ratios
report.py       docs/benchmark.md, docs/profile.md   plot.py        docs/images/benchmark.png
"""
