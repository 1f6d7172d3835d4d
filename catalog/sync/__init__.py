"""The sync engine: makes the catalog say what a source lists, one database a unit, resumable after any crash."""
