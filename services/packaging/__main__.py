"""A child process of an export: `python -m services.packaging STEP JOB.json`.

A module of its own, and an empty one: what was pickled from a script looks for its classes here.
"""

if __name__ == "__main__":
    __import__("services.packaging.step", fromlist=["run"]).run()
