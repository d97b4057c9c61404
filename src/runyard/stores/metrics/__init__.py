"""The metric store: points of series, appended in batches, read whole or thinned."""
