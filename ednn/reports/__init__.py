"""Reports: pages for people, each one self-contained file of HTML.

`report.py` writes the page of a run, a sweep or several runs. What it says of a run is in
`one_run.py` (what is at hand, and what isn't), `facts.py`, `errors.py`, `symmetries.py` with the
moves of `moves.py`, `worst.py` and `repeat.py`; of several in `several.py`. `page.py` fills the
templates in `templates/`, those of the studies, too.
"""
