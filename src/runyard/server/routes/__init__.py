"""All routes of the server, one module a noun, in one table."""

from runyard.server.openapi import openapi_routes
from runyard.server.routes import (
    artifacts,
    assessments,
    audit,
    events,
    experiments,
    grants,
    keys,
    logged_models,
    logging,
    metrics,
    operation,
    otlp,
    principals,
    quotas,
    retention,
    runs,
    service,
    signing_in,
    tokens,
    trace_metrics,
    traces,
    traces_v2,
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
    *traces.routes,
    *traces_v2.routes,
    *trace_metrics.routes,
    *assessments.routes,
    *otlp.routes,
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
)

ROUTES: tuple[Route, ...] = (*_DESCRIBED, *openapi_routes(_DESCRIBED))
"""Every address that the server answers at, each with the permission that it needs."""
