"""Who is calling, and what they may do: permissions, API keys, short-lived tokens."""
