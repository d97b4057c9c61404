"""The user's objects: a workspace with its experiments and runs, over one transport."""
