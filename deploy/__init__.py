"""How the apps are joined and run: settings, addresses, projections, workers, the command line."""
