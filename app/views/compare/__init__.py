"""Models side by side, and why their pictures are blurred."""
