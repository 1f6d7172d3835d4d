"""Writes of policy."""
