"""The app that knows how datasets move: jobs, runs, edges."""
