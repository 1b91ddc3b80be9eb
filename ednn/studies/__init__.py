"""The figures and tables of the paper, one file each: commands → numbers → picture and rows.

`study.py` runs them. A study trains and measures in its `Lab`, where nothing finished is done
again; what it finds is a `result.json` and a `picture.png`, and all of them make the report.
"""
