"""The script that a cluster's nodes run before Spark starts: it sets the tracking of all that runs there."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from runyard.sdk.databricks.variables import TOKEN

_SCRIPT = """\
#!/bin/sh
# Made by Runyard: what Spark runs on this node logs to
#   {tracking_uri}
# To run it again changes nothing. What somebody sets themselves goes before it.

leave() {{
    echo "runyard: $1; what runs here is tracked as before" >&2
    exit {exit_code}
}}

conf=
for folder in /databricks/spark/conf "${{SPARK_CONF_DIR:-}}" "${{SPARK_HOME:+$SPARK_HOME/conf}}"; do
    if [ -z "$conf" ] && [ -n "$folder" ] && [ -d "$folder" ]; then conf=$folder; fi
done
[ -n "$conf" ] || leave "there is no folder for Spark's configuration: set SPARK_CONF_DIR"

{install}
lines=$conf/spark-env.sh
touch "$lines" || leave "$lines can't be written"
awk '/^# >>> runyard$/ {{ skipped = 1 }} !skipped {{ print }} /^# <<< runyard$/ {{ skipped = 0 }}' \\
    "$lines" > "$lines.new" || leave "$lines can't be read"
cat >> "$lines.new" <<'RUNYARD_LINES'
# >>> runyard
if [ -z "${{MLFLOW_TRACKING_URI:-}}" ]; then
{exports}
fi
# <<< runyard
RUNYARD_LINES
# Not moved: the file keeps its owner and its mode.
cat "$lines.new" > "$lines" && rm "$lines.new"
"""

_INSTALL = """\
python=/databricks/python/bin/python
[ -x "$python" ] || python=${{PYSPARK_PYTHON:-python3}}
"$python" -m pip install --quiet --disable-pip-version-check {library} \\
    || leave "the library could not be installed"
"""


def init_script(
    variables: Mapping[str, str],
    *,
    library: str | None = None,
    token_file: str | None = None,
    may_fail: bool = True,
) -> str:
    """Return the text of the script, which runs on Databricks and on any Spark that reads ``spark-env.sh``.

    It writes the variables into ``spark-env.sh``, which Spark reads when it starts a driver and when it
    starts what starts executors. What has ``MLFLOW_TRACKING_URI`` already keeps all that it has.

    Args:
        variables: What to set; none of it a secret, for many people can read such scripts.
        library: What ``pip`` is to install first; nothing if it is left out.
        token_file: A file on each node that holds the token, read whenever Spark starts something.
        may_fail: Whether to exit with an error, which keeps a node of Databricks down; otherwise what runs
            there is tracked as before.

    Example:
        >>> print(init_script({"RUNYARD_URL": "https://lab.example"}).splitlines()[0])
        #!/bin/sh
    """
    exports = [f"    export {name}={shlex.quote(value)}" for name, value in variables.items()]
    if token_file is not None:
        quoted = shlex.quote(token_file)
        exports.append(f'    if [ -r {quoted} ]; then export {TOKEN}="$(cat {quoted})"; fi')
    return _SCRIPT.format(
        tracking_uri=variables.get("MLFLOW_TRACKING_URI", ""),
        exit_code=1 if may_fail else 0,
        install="" if library is None else _INSTALL.format(library=shlex.quote(library)),
        exports="\n".join(exports),
    )
