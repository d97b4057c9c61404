"""A workspace full of what attackers write: every place that takes text has markup, every file a script."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tests.browser.workspace_content import HOSTILE_DRAWING, HOSTILE_PAGE, Logger

# Each calls `alert`, which the visitor of a test notices, whichever way it would have been let in.
MARKUP = "\"'><img src=x onerror=alert('S20')><svg onload=alert('S20')></svg>`${alert('S20')}"
LINK = "javascript:alert('S20')"
# Names of models have neither "/" nor ":", those of logged ones no quotes either; and MLflow's page of a
# registered one asks for its versions with the name as it is between quotes.
MODEL_NAME = "<img src=x onerror=alert(1)>"
PROMPT_NAME = "<img src=x onerror=alert(2)>"
FILE_NAME = "\"'><img src=x onerror=alert(1)>.txt"
NOTE = f"""# A note

{MARKUP} [a link]({LINK}) ![a picture]({LINK}) <{LINK}>

<script>alert('S20')</script> <iframe srcdoc="<script>alert('S20')</script>"></iframe>
<a href="{LINK}">raw</a> <details open ontoggle=alert('S20')>x</details>
<style>body {{ display: none }}</style>
"""
LOG_PATH = "console/stdout.000001.log"
LOG = (
    f"said {MARKUP}\n"
    f"\x1b]8;;{LINK}\x1b\\a link of the terminal\x1b]8;;\x1b\\ after it\n"
    "\x1b]0;<script>alert('S20')</script>\x07\x1b]52;c;YWxlcnQ=\x07titled\n"
    "\x1b[31;\"onmouseover=alert('S20')mred\x1b[0m \x1b[38;2;1;2;<b>m odd \x1bP<script>\x1b\\end\n"
)


def notebook() -> bytes:
    """A notebook whose cells and outputs all have scripts."""
    page = f"<script>alert('S20')</script>{MARKUP}"
    outputs = [
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {
                "text/html": [page],
                "application/javascript": ["alert('S20')"],
                "text/plain": ["shown"],
            },
        },
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {
                "image/svg+xml": [HOSTILE_DRAWING],
                "text/markdown": [NOTE],
                "text/latex": [f"${LINK}$"],
            },
        },
        {"output_type": "error", "ename": MARKUP, "evalue": MARKUP, "traceback": [LOG]},
    ]
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": [NOTE]},
        {"cell_type": "raw", "metadata": {"format": "text/html"}, "source": [page]},
        {
            "cell_type": "code",
            "metadata": {},
            "execution_count": 1,
            "source": ["print('a cell')"],
            "outputs": outputs,
        },
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()


FILES: dict[str, bytes] = {
    "page.html": HOSTILE_PAGE.encode(),
    "drawing.svg": HOSTILE_DRAWING.encode(),
    "note.md": NOTE.encode(),
    "cells.ipynb": notebook(),
    "table.csv": f'{MARKUP.replace(chr(34), "")},b\n1,"=HYPERLINK(1)"\n'.encode(),
    "facts.json": json.dumps({MARKUP: NOTE, "__proto__": {"polluted": True}}).encode(),
    FILE_NAME: b"a file of that name",
    LOG_PATH: LOG.encode(),
}


@dataclass(frozen=True)
class Hostile:
    """The names of what was logged."""

    url: str
    experiment_id: str
    run_id: str
    other_run_id: str
    model_id: str
    trace_id: str


def fill_hostile(url: str) -> Hostile:
    """Log all of it into a server's default workspace, as any client may."""
    logger = Logger(url)
    experiment_id = logger.create_experiment(MARKUP)
    logger.post(
        "experiments/set-experiment-tag", experiment_id=experiment_id, key="mlflow.note.content", value=NOTE
    )
    run_id, other_run_id = (_run(logger, experiment_id) for _ in range(2))
    for path, content in FILES.items():
        logger.put_file(experiment_id, run_id, path, content)
    _data_seen(logger, run_id)
    model = logger.post(
        "logged-models",
        experiment_id=experiment_id,
        name=MODEL_NAME,
        model_type=MARKUP,
        source_run_id=run_id,
        params=[{"key": "alpha", "value": MARKUP}],
        tags=[{"key": "said", "value": MARKUP}],
    )
    _registered(logger, run_id)
    _prompt(logger)
    trace_id = _trace(logger, experiment_id)
    logger.close()
    return Hostile(
        url, experiment_id, run_id, other_run_id, str(model["model"]["info"]["model_id"]), trace_id
    )


def _run(logger: Logger, experiment_id: str) -> str:
    run_id = logger.create_run(
        experiment_id,
        MARKUP,
        mlflow__note__content=NOTE,
        mlflow__user=MARKUP,
        mlflow__source__name=LINK,
        mlflow__source__type="PROJECT",
        mlflow__source__git__repoURL=LINK,
        mlflow__source__git__commit=MARKUP,
        mlflow__source__git__branch=MARKUP,
        said=MARKUP,
        linked=LINK,
    )
    logger.log_params(run_id, **{"a b/c: d.e": MARKUP, "link": LINK})
    logger.log_line(run_id, "a b/c: d.e", [1, 2, 3])
    logger.log_line(run_id, "__proto__/polluted", [1, 2, 3])
    logger.finish(run_id, "FAILED")
    return run_id


def _data_seen(logger: Logger, run_id: str) -> None:
    told = {
        "name": MARKUP,
        "digest": MODEL_NAME,
        "source_type": "http",
        "source": json.dumps({"url": LINK}),
        "schema": json.dumps({"mlflow_colspec": [{"name": MARKUP, "type": MARKUP}]}),
        "profile": json.dumps({"num_rows": MARKUP}),
    }
    tags = [{"key": "mlflow.data.context", "value": MARKUP}]
    logger.post("runs/log-inputs", run_id=run_id, datasets=[{"dataset": told, "tags": tags}])


def _registered(logger: Logger, run_id: str) -> None:
    tags = [{"key": "said", "value": MARKUP}]
    logger.post("registered-models/create", name=MODEL_NAME, description=NOTE, tags=tags)
    logger.post(
        "model-versions/create",
        name=MODEL_NAME,
        source=f"runs:/{run_id}/note.md",
        run_id=run_id,
        run_link=LINK,
        description=NOTE,
        tags=tags,
    )
    logger.post("registered-models/alias", name=MODEL_NAME, alias="champion", version="1")


def _prompt(logger: Logger) -> None:
    is_prompt = {"key": "mlflow.prompt.is_prompt", "value": "true"}
    logger.post("registered-models/create", name=PROMPT_NAME, tags=[is_prompt])
    text = {"key": "mlflow.prompt.text", "value": NOTE}
    logger.post(
        "model-versions/create",
        name=PROMPT_NAME,
        source="dummy-source",
        description=NOTE,
        tags=[is_prompt, text],
    )


def _trace(logger: Logger, experiment_id: str) -> str:
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}
    told = {
        "trace_id": "tr-0123456789abcdef0123456789abcdef",
        "trace_location": place,
        "request_time": "2026-01-02T03:04:05Z",
        "execution_duration": "1.5s",
        "state": "ERROR",
        "request_preview": MARKUP,
        "response_preview": NOTE,
        "trace_metadata": {"mlflow.trace.session": MARKUP, "mlflow.trace.user": MARKUP},
        "tags": {"mlflow.traceName": MARKUP, "said": MARKUP},
    }
    answer = logger.send("/api/3.0/mlflow/traces", trace={"trace_info": told})
    return str(answer["trace"]["trace_info"]["trace_id"])
