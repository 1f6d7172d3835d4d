"""The demo: Northlight, a small streaming company, whose data is real, seeded and safe by construction."""
