"""Policy for programs."""
