"""The wire: bytes to entities and back; MLflow's names for things stop here."""
