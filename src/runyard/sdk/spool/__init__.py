"""What a client logs is kept here on disk first, and sent behind its back: see ``design/client-spool.md``."""
