"""Tune, a page: studies over any settings, the form of a new one, and all that is asked of β."""
