"""The table of commands, each loaded when it is called, and the one place where their errors end."""

from __future__ import annotations

import difflib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cyclopts import App, CycloptsError, Parameter

from runyard._version import __version__
from runyard.cli.printing import complain, complain_in_json
from runyard.cli.run_words import AZUREML_RUN, SUBMIT, script_marked, with_end_of_options
from runyard.errors import Forbidden, NotFound, RunyardError, Unauthenticated, Unavailable

DONE, FAILED, WRONG_USAGE, NOT_FOUND, NOT_ALLOWED, NO_SERVER, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

_COMMANDS = {
    "up": ("runyard.cli.up:up", "Start a server for yourself on this machine."),
    "serve": ("runyard.cli.serve:serve", "Start a server for a team; every request needs a credential."),
    "demo": ("runyard.cli.demo:demo", "Log sample runs into the running server."),
    "workspace": ("runyard.cli.workspace:app", "List, create, show, configure and delete workspaces."),
    "experiment": (
        "runyard.cli.experiment:app",
        "List, create, rename, tag, delete and restore experiments.",
    ),
    "run": (
        "runyard.cli.run:app",
        "Run scripts; list, show, compare, follow, tag, download and delete runs.",
    ),
    "job": (
        "runyard.cli.job:app",
        "Submit scripts; list, show, follow, cancel and repeat what was submitted.",
    ),
    "sweep": ("runyard.cli.sweep:app", "Search for the best values of a job's parameters."),
    "compute": ("runyard.cli.compute:app", "List, make, change, pause and delete compute targets."),
    "tail": ("runyard.cli.run_following:tail_run", "Print what a run's script prints."),
    "open": (
        "runyard.cli.run_following:open_page",
        "Open a workspace's page in the browser, or that of a run.",
    ),
    "log": ("runyard.cli.log:app", "Log metrics, params, files, tables and pictures to a run."),
    "model": ("runyard.cli.model:app", "Register, list, show, describe, alias, download and delete models."),
    "logged-model": (
        "runyard.cli.logged_model:app",
        "List, show and download models that runs have logged.",
    ),
    "prompt": ("runyard.cli.model_names:prompt_app", "List and show prompts."),
    "data": ("runyard.cli.data:app", "Register, list, show, describe, download and delete datasets."),
    "environment": (
        "runyard.cli.environment:app",
        "Register, list, show, describe, clone and archive environments.",
    ),
    "trace": ("runyard.cli.trace:app", "List, show, tag, assess and delete traces of applications."),
    "evaluation": (
        "runyard.cli.evaluation:app",
        "List, show and delete evaluation datasets and their records.",
    ),
    "scorer": ("runyard.cli.evaluation:scorer_app", "List, show and delete what judges traces."),
    "metric": ("runyard.cli.removal:metric_app", "Delete metrics of runs for good."),
    "param": ("runyard.cli.removal:param_app", "Delete params of runs for good."),
    "tag": ("runyard.cli.removal:tag_app", "Delete tags of runs for good."),
    "artifact": ("runyard.cli.removal:artifact_app", "Delete files of runs for good."),
    "trash": ("runyard.cli.trash:app", "List what was deleted, and bring it back."),
    "gc": ("runyard.cli.trash:gc", "Free the space of what is in the trash."),
    "retention": ("runyard.cli.retention:app", "Set, list and remove the rules of `runyard gc --rules`."),
    "usage": ("runyard.cli.usage:usage", "Show how much workspaces hold."),
    "quota": ("runyard.cli.quota:app", "Show, set and clear what a workspace may hold at most."),
    "events": ("runyard.cli.events:events", "List what happened on a server."),
    "datastore": ("runyard.cli.datastore:app", "Register places for files; move files in and out."),
    "secret": ("runyard.cli.secret:app", "Keep passwords and keys of a workspace, encrypted."),
    "webhook": ("runyard.cli.events:webhook_app", "Have addresses told of events."),
    "sync": ("runyard.cli.spool:sync", "Send what clients logged while they could not reach their server."),
    "spool": ("runyard.cli.spool:app", "List what clients logged and have not sent yet."),
    "import": ("runyard.cli.transfer:import_", "Take over what was logged to MLflow."),
    "export": ("runyard.cli.transfer:export", "Write an experiment down in open formats."),
    "token": ("runyard.cli.token:token", "Print what an MLflow client needs to log to a workspace."),
    "azureml": (
        "runyard.cli.azureml:app",
        "Run code for Azure ML's first SDK; point Microsoft's clients at a server.",
    ),
    "databricks": (
        "runyard.cli.databricks:app",
        "Have clusters of Databricks and of Spark log into a workspace.",
    ),
    "doctor": ("runyard.cli.doctor:doctor", "Say what is in the way between this machine and its workspace."),
    "completion": ("runyard.cli.completion:completion", "Let a shell complete commands and options."),
    "server": (
        "runyard.cli.server:app",
        "Say how a running server is, check its data, change its signing key.",
    ),
    "check": ("runyard.cli.check:check", "Look whether all data of a home is whole."),
    "backup": ("runyard.cli.backup:backup", "Back up a home, also while its server runs."),
    "restore": ("runyard.cli.backup:restore", "Make a home of a backup."),
    "config": ("runyard.cli.config:config", "Print the settings of the server and where each comes from."),
    "login": ("runyard.cli.login:login", "Log this machine in to a server."),
    "logout": ("runyard.cli.login:logout", "Log this machine out, and end its API key."),
    "whoami": ("runyard.cli.login:whoami", "Say who you are to a server, and what you may do where."),
    "person": ("runyard.cli.principals:person_app", "Add, list, change and lock out people."),
    "group": ("runyard.cli.principals:group_app", "Add and list groups, and who is in them."),
    "service-principal": (
        "runyard.cli.principals:service_app",
        "Add, list, change and lock out programs with a name.",
    ),
    "grant": ("runyard.cli.grant:app", "Give, list and take away roles in a workspace."),
    "key": ("runyard.cli.key:app", "Create, list and revoke API keys."),
    "audit": ("runyard.cli.audit:app", "Search the audit log, and check that it is whole."),
    "admin": ("runyard.cli.admin:app", "Make the first administrator and API keys."),
}
_SHORTEST_STEM = 3
"""How long a command's beginning is, as `env`, that is taken for it."""
_SERVER_LIBRARIES = frozenset(
    {
        "alembic",
        "anyio",
        "cryptography",
        "httptools",
        "joserfc",
        "obstore",
        "prometheus_client",
        "sqlalchemy",
        "starlette",
        "uvicorn",
        "uvloop",
    }
)
_TRANSFER_LIBRARIES = frozenset({"pyarrow", "yaml"})

app = App(
    name="runyard",
    help="Runyard: a machine learning workspace on your own machines.",
    version=f"runyard {__version__}",
    version_flags=["--version", "-V"],
    # No `--no-json`, and no "default: False" in the help; a default that matters is in its text.
    default_parameter=Parameter(negative="", show_default=False),
)
for _name, (_import_path, _help) in _COMMANDS.items():
    app.command(_import_path, name=_name, help=_help)


def run(arguments: Sequence[str]) -> int:
    """Run one command; every error becomes one line on stderr, of JSON with ``--json``, and an exit code."""
    words = list(arguments)
    if words and not words[0].startswith("-") and words[0] not in _COMMANDS:
        return _told(_Failure("WRONG_USAGE", _unknown(words[0]), WRONG_USAGE), is_json="--json" in words)
    if words[:1] == ["run"]:
        words = ["run", *(with_end_of_options(words[1:]) or ["--help"])]
    elif words[:2] == ["job", "submit"]:
        words = [*words[:2], *script_marked(words[2:], SUBMIT)]
    elif words[:2] == ["azureml", "run"]:
        words = [*words[:2], *script_marked(words[2:], AZUREML_RUN)]
    is_json = "--json" in words[: words.index("--") if "--" in words else None]
    try:
        return _run(
            lambda: app(words, exit_on_error=False, print_error=False, result_action="return_value"),
            is_json=is_json,
        )
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, as `head`, has seen enough. Python's own flush at exit must not stumble over it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    finally:
        logging.shutdown()


@dataclass(frozen=True, slots=True)
class _Failure:
    """How a command ended that could not do what it was to do.

    Args:
        code: One word for programs; the wire's where the server or the SDK said it.
        message: A sentence for people.
        exit_code: What the process ends with.
    """

    code: str
    message: str
    exit_code: int


def _run(command: Callable[[], object], *, is_json: bool) -> int:
    try:
        result = command()
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except (CycloptsError, RunyardError, UnicodeEncodeError, OSError, ImportError) as error:
        return _told(_failure_of(error), is_json=is_json)
    return result if isinstance(result, int) else DONE


def _told(failure: _Failure, *, is_json: bool) -> int:
    if is_json:
        told = {"code": failure.code, "message": failure.message, "exit_code": failure.exit_code}
        complain_in_json({"error": told})
    else:
        complain(failure.message)
    return failure.exit_code


def _failure_of(error: CycloptsError | RunyardError | UnicodeEncodeError | OSError | ImportError) -> _Failure:
    match error:
        case RunyardError():
            return _Failure(error.code, str(error), exit_code(error))
        case CycloptsError():
            chain = " ".join(["runyard", *(error.command_chain or ())])
            return _Failure("WRONG_USAGE", f"{error} Try `{chain} --help`.", WRONG_USAGE)
        case UnicodeEncodeError():
            # What a shell handed on is no UTF-8; as a file's name it may be, anywhere else it can't be sent.
            odd = error.object[error.start : error.end]
            told = f"An argument has {odd!r} in it, which is no text of UTF-8."
            return _Failure("WRONG_USAGE", told, WRONG_USAGE)
        case OSError():
            return _Failure("SYSTEM_ERROR", _of_this_machine(error), FAILED)
    return _Failure("MISSING_LIBRARY", _missing_server(error), FAILED)


def exit_code(error: RunyardError) -> int:
    """Return the exit code that tells a script what kind of error it was."""
    if isinstance(error, NotFound):
        return NOT_FOUND
    if isinstance(error, Unauthenticated | Forbidden):
        return NOT_ALLOWED
    return NO_SERVER if isinstance(error, Unavailable) else FAILED


def _of_this_machine(error: OSError) -> str:
    """Return what the operating system refused, and for which file, without the number that it has for it."""
    if error.strerror is None or error.filename is None:
        return str(error)
    return f"{os.fsdecode(error.filename)}: {error.strerror}."


def _unknown(command: str) -> str:
    # The parser would load every command to find a likely one, the server's among them.
    begun = [each for each in _COMMANDS if min(len(each), len(command)) >= _SHORTEST_STEM]
    begun = [each for each in begun if each.startswith(command) or command.startswith(each)]
    likely = begun[:1] or difflib.get_close_matches(command, _COMMANDS, n=1)
    hint = f"Did you mean `runyard {likely[0]}`?" if likely else f"There are: {', '.join(_COMMANDS)}."
    return f"There is no command {command!r}. {hint}"


def _missing_server(error: ImportError) -> str:
    """Say which extra is missing; raise the error again when that is not what is wrong."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ImportError) and (cause.name or "").partition(".")[0] in _SERVER_LIBRARIES:
            return f"This command needs the server: pip install 'runyard[server]'. ({cause})"
        if isinstance(cause, ImportError) and (cause.name or "").partition(".")[0] == "opentelemetry":
            return f"The setting traces needs its library: pip install 'runyard[otel]'. ({cause})"
        if isinstance(cause, ImportError) and (cause.name or "").partition(".")[0] in _TRANSFER_LIBRARIES:
            return f"This command needs its libraries: pip install 'runyard[transfer]'. ({cause})"
        if isinstance(cause, ImportError) and (cause.name or "").partition(".")[0] == "psycopg":
            return f"A PostgreSQL database needs its driver: pip install 'runyard[postgres]'. ({cause})"
        cause = cause.__cause__
    raise error
