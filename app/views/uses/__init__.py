"""What a run is used for: a tab for each use."""
