"""Reports: pages for people, each one self-contained file of HTML.

`page.py` fills the templates in `templates/`.
"""
