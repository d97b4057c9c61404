"""The metadata store: workspaces, experiments, runs, logged models, credentials."""
