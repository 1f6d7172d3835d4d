"""Plain rules of detection: what a sample of a column is, what a finding says, how values are shown without being told."""
