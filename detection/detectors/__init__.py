"""Detectors behind one port: each knows one kind of value, by its name, its form and its check digits. Named in settings, never imported."""
