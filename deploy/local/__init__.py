"""`./run`: everything on one machine, started in order, watched by supervisor, ended together."""
