"""Who may know and do what: users, teams, tokens, grants, the gate, audit."""
