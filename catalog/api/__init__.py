"""The doors for programs, one folder a protocol."""
