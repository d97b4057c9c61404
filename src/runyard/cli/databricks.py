"""`runyard databricks`: clusters of Databricks and of Spark that log into a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import note, print_json, print_pairs, print_table, say
from runyard.sdk.addresses import server_url
from runyard.sdk.databricks.init_script import init_script
from runyard.sdk.databricks.link import DatabricksLink
from runyard.sdk.databricks.variables import tracking_variables

app = App(name="databricks", help="Have clusters of Databricks and of Spark log into a workspace.")

Profile = Annotated[
    str | None,
    Parameter(help="A profile of ~/.databrickscfg; by default what Databricks' own client finds."),
]
LinkId = Annotated[str, Parameter(help="The link's id, as `runyard databricks list` shows it.")]
PublicUrl = Annotated[
    str | None, Parameter(help="Address of the server as the clusters reach it; by default that of --url.")
]


@app.command
def link(
    cluster_id: Annotated[
        str | None, Parameter(help="The one cluster; left out, all clusters of the Databricks workspace.")
    ] = None,
    *,
    host: Annotated[
        str | None, Parameter(help="Address of the Databricks workspace; by default that of the profile.")
    ] = None,
    profile: Profile = None,
    public_url: PublicUrl = None,
    library: Annotated[
        str | None,
        Parameter(
            help="What gives the clusters Runyard: a requirement of pip's, or a wheel for one cluster."
        ),
    ] = None,
    dual_logging: Annotated[
        bool, Parameter(help="Log a copy of each run, without its files, to Databricks' own MLflow, too.")
    ] = False,
    readers: Annotated[
        str, Parameter(help="Which user or group of Databricks may read the key; by default all users.")
    ] = "users",
    renew_key: Annotated[bool, Parameter(help="Make a new key though there is a good one.")] = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Have one Databricks cluster, or all, log into the workspace; DATABRICKS_TOKEN may hold a token for it.

    To link twice changes what differs. A cluster that runs is started again.
    """
    made = place.open().link_databricks(
        cluster_id,
        host=host,
        profile=profile,
        url=public_url,
        library=library,
        dual_logging=dual_logging,
        readers=readers,
        renew_key=renew_key,
    )
    if json:
        print_json(_described(made))
        return
    what = "when it has started again" if cluster_id else "when they next start"
    say(f"Link {made.link_id} is made: {_clusters(made)} of {made.record.host} log here {what}.")


@app.command
def unlink(
    link_id: LinkId,
    *,
    profile: Profile = None,
    only_here: Annotated[
        bool, Parameter(help="Leave Databricks alone, as when the workspace there is gone.")
    ] = False,
    place: Place = HERE,
) -> None:
    """End a link: its key first, then all that was put into Databricks."""
    place.open().databricks_link(link_id).unlink(profile=profile, only_here=only_here)
    say(f"Link {link_id} is ended.")


@app.command(name="list")
def list_(*, place: Place = HERE, json: Json = False) -> None:
    """List the links of the workspace; Databricks is not asked."""
    found = place.open().databricks_links()
    if json:
        print_json([_described(each) for each in found])
        return
    print_table(
        ("ID", "DATABRICKS", "CLUSTERS", "STATE", "LIBRARY"),
        (
            (
                each.link_id,
                each.record.host,
                _clusters(each),
                "linked" if each.is_complete else "in part",
                each.record.library,
            )
            for each in found
        ),
    )


@app.command
def show(link_id: LinkId, *, profile: Profile = None, place: Place = HERE, json: Json = False) -> int:
    """Show a link, and ask Databricks whether all of it is there; exit with 1 if something is not."""
    found = place.open().databricks_link(link_id)
    missing = found.missing(profile=profile)
    if json:
        print_json({**_described(found), "missing": missing})
        return int(bool(missing))
    print_pairs(
        {
            "Databricks": found.record.host,
            "Clusters": _clusters(found),
            "Log to": found.record.cluster_variables["MLFLOW_TRACKING_URI"],
            "As": found.record.principal,
            "Library": found.record.library,
            "Logged to both": "yes" if found.record.dual_logging else "no",
            "State": "; ".join(missing) or "all of it is there",
        }
    )
    return int(bool(missing))


@app.command(name="init-script")
def print_init_script(
    *,
    public_url: PublicUrl = None,
    library: Annotated[
        str | None, Parameter(help="What pip is to install on each node first; by default nothing.")
    ] = None,
    token_file: Annotated[
        Path | None, Parameter(help="A file on each node that holds a token for the server.")
    ] = None,
    place: Place = HERE,
) -> None:
    """Print a script that sets the tracking of a Spark cluster, for its nodes to run before Spark starts.

    It holds no secret. Nothing is asked and nothing is changed.
    """
    url = server_url(public_url) if public_url else place.address()
    if token_file is None:
        note("Without --token-file, each process of the cluster needs RUNYARD_TOKEN from somewhere else.")
    text = init_script(
        tracking_variables(url, place.name()),
        library=library,
        token_file=None if token_file is None else str(token_file),
    )
    say(text.rstrip("\n"))


def _clusters(link: DatabricksLink) -> str:
    return f"cluster {link.record.cluster_id}" if link.record.cluster_id else "all clusters"


def _described(link: DatabricksLink) -> dict[str, object]:
    described: dict[str, object] = msgspec.to_builtins(link.record)
    return described
