"""The addresses of Metacat's reading side, as plain views: its clients ask often, and what they ask is small."""
