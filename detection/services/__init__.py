"""Writes of detection."""
