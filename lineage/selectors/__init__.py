"""Reads of lineage: graphs, jobs and their runs, events. All go through the gate."""
