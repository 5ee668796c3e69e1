"""Lessons on the variational autoencoder: what each screen asks and shows, and which answer the run at hand makes true.

A lesson is built from a run: its figures hold that run's numbers, and the answer that is right is measured, never written
down. `registry.LESSONS` names them; `material.gather` opens what they are built from.
"""
