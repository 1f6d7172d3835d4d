"""The app that knows what is inside datasets: samples, profiles, checks, findings. Row data enters here and goes no further."""
