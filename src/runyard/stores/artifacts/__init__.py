"""Artifacts: the files of runs and models, in a folder or in an object store."""
