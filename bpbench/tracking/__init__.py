"""The watch after adopting: studies recorded over time, compared with a baseline, and searched for changes."""
