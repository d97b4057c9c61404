"""Services decide: they combine stores, the caller's rights and the clock; plain functions by noun."""
