"""Plain rules of the registry: names of subjects, compatibility levels, tables as schemas. No Django, no I/O."""
