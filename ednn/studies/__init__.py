"""The figures and tables of the paper, one class and one config each.

`runner.py` runs them. A study trains and measures in its `Lab`, where nothing finished is done
again; what it finds is a `result.json` and a `picture.png`, and all of them make the report.
CONTRIBUTING.md says how to add one.
"""
