"""Reads of the registry: schemas by id, subjects and versions, comparisons. All go through the gate."""
