"""Pages of detection."""
