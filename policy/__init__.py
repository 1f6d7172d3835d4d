"""The app that knows what is allowed: rules over facts, violations, waivers."""
