"""Detection for programs."""
