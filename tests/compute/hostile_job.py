"""A job all of whose names are hostile: script, words, variables, run, files that come and go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests

if TYPE_CHECKING:
    from tests.compute.test_jobs_end_to_end import Jobs

WORDS = ["a b", "'\"", "$(touch x)", "$(HOME)", "`id`", "\n", "😀é", "", "--", "-x", "*", "%s", "%j", "~"]
SCRIPT = ' a: b./it\'s e\u0301\n$(touch x) `id` \\ "q" %j *.py'
FILE = "it's $(touch x) `id` é %25 *.txt"
VALUE = "a b\n'\"$(HOME) `id` \\ é 😀 %j"
SAYS = """
    import json, os, sys
    from pathlib import Path

    name, source, *words = sys.argv[1:]
    out = Path("outputs") / name
    out.parent.mkdir(exist_ok=True)
    out.write_text((Path(source) / name).read_text() * 2)
    here = Path(sys.argv[0])
    print(json.dumps([here.parent.name + "/" + here.name, words, os.environ["HOSTILE"]]))
"""


def expect_as_given(jobs: Jobs, **more: Any) -> None:
    """Fail unless all names and words of a job on some target reach its script, and its files come and go."""
    store = f"{jobs.server.url}/api/v1/datastores/workspaceblobstore/files"
    put = requests.put(f"{store}/{quote(f'hostile/{FILE}')}", data=b"half", timeout=120)
    assert put.status_code == 200, put.text
    run_id = jobs.submit(
        SAYS,
        FILE,
        "${{inputs.source}}",
        *WORDS,
        script_name=SCRIPT,
        run_name=VALUE,
        variables={"HOSTILE": VALUE},
        inputs={"source": {"places": [{"datastore": "workspaceblobstore", "path": "hostile"}]}},
        **more,
    )
    job = jobs.ended(run_id)
    assert (job["status"], job["exit_code"]) == ("completed", 0), jobs.printed(run_id, "stderr") + str(job)
    assert json.loads(jobs.printed(run_id).splitlines()[-1]) == [SCRIPT, WORDS, VALUE]
    assert jobs.run(run_id)["info"]["run_name"] == VALUE
    query = {"run_uuid": run_id, "path": f"outputs/{FILE}"}
    kept = requests.get(f"{jobs.server.url}/get-artifact", params=query, timeout=120)
    assert kept.content == b"halfhalf"
