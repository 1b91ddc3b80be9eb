"""Relaxation and molecular dynamics by ASE, with a trained network as its calculator.

`relax.py` and `md.py` are the two commands; `trajectory.py` keeps what they have done, so that a
killed run goes on.
"""
