"""The app that knows what shape datasets promise: subjects, versions, compatibility."""
