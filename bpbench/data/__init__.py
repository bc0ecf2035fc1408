"""Frames: reading, auditing, splitting them, and the embedded aluminium sample."""
