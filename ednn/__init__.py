"""Extensive deep neural networks."""
