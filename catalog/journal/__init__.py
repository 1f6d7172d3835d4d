"""The one log: entries, their sequencer, projections that follow it, and runs of long jobs."""
