"""Runs in a notebook: one that is followed while it goes on, a table of many, some side by side."""
