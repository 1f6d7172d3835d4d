"""Writes of the registry, a file a concern: versions of subjects, settings, the subjects of tables, classing anew."""
