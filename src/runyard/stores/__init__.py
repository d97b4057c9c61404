"""Stores remember things: metadata, metrics, artifacts. No policy and no HTTP lives here."""
