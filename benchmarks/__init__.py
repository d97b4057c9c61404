"""Runyard and its peers under the same load, on the same machine, one after the other."""
