"""Studies: many runs over any fields of the settings, and the search for the best of them.

`fields` says what can be searched, `goals` what can be wanted, `record` is a study on disk and `trials` its list of runs;
`search` is Optuna's part, `driving` creates, prunes and measures the runs; `summary` and `view` say what came of them.
"""
