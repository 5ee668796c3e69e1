"""What VAEs are used for, each use measured against baselines: denoise, anomaly, augment, compress, represent, synthesize.

One module per use. Its formulas are functions of arrays and a generator; its `measure` applies them to a run
(`subject.Subject`) and gives a `found.Found`: numbers with intervals, pictures, sentences. `registry.USES` names them all,
`kept` stores what was found by weights stamp and settings, `process` measures in a process of its own.
"""
