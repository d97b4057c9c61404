"""Starts, watches and ends the agents of jobs, wherever a target's machines are; knows nothing of runs."""
