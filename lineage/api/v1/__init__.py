"""Lineage in our own REST."""
