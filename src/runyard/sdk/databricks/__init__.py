"""Clusters of Databricks and of Spark whose notebooks log into a workspace."""
