"""Train: the form of a new run, and the run that is looked at."""
