"""All routes of the server, one module a noun, in one table."""

from runyard.server.openapi import openapi_routes
from runyard.server.routes import (
    artifacts,
    audit,
    events,
    experiments,
    grants,
    imports,
    keys,
    logged_models,
    logging,
    metrics,
    operation,
    principals,
    quotas,
    refused,
    retention,
    runs,
    service,
    signing_in,
    tokens,
    trash,
    usage,
    webhooks,
    workspaces,
)
from runyard.server.routing import Route

_DESCRIBED: tuple[Route, ...] = (
    *service.routes,
    *operation.routes,
    *experiments.routes,
    *runs.routes,
    *logging.routes,
    *metrics.routes,
    *logged_models.routes,
    *artifacts.routes,
    *workspaces.routes,
    *trash.routes,
    *retention.routes,
    *usage.routes,
    *quotas.routes,
    *events.routes,
    *webhooks.routes,
    *tokens.routes,
    *principals.routes,
    *grants.routes,
    *keys.routes,
    *signing_in.routes,
    *audit.routes,
    *imports.routes,
)

ROUTES: tuple[Route, ...] = (*_DESCRIBED, *openapi_routes(_DESCRIBED), *refused.routes)
"""Every address that the server answers at, each with the permission that it needs."""
