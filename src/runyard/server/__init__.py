"""The HTTP server: parse, check the permission, call a service, serialise."""
