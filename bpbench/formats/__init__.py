"""Texts of other tools, and YAML, to plain values and back."""
