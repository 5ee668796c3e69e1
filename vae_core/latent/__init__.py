"""Pure functions on codes: paths, directions, projections, statistics."""
