"""Findings to documents: words, figures, HTML and PDF."""
