"""Typed bodies of requests and answers, one module a noun, named after MLflow's messages."""
