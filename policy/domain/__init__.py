"""Rules without I/O: facts, envelopes, verdicts, explanations."""
