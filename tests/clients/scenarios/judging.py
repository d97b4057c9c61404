"""Issues and label schemas as the client of 3.17 knows them."""

import time
import uuid

import mlflow
from expecting import refused, same
from mlflow.entities.issue import IssueSeverity, IssueStatus
from mlflow.genai.label_schemas import (
    InputCategorical,
    InputNumeric,
    InputPassFail,
    InputText,
    create_label_schema,
    delete_label_schema,
    get_label_schema,
    list_label_schemas,
    update_label_schema,
)
from mlflow.tracking._tracking_service.utils import _get_store

store = _get_store()


def _experiment():
    return mlflow.set_experiment(f"judged-{uuid.uuid4().hex[:8]}").experiment_id


def an_issue_is_made_got_and_changed():
    experiment_id = _experiment()
    with mlflow.start_run() as run:
        pass
    made = store.create_issue(
        experiment_id=experiment_id,
        name="invents sources",
        description="Names books that nobody wrote.",
        severity=IssueSeverity.HIGH,
        root_causes=["no retrieval", "é"],
        source_run_id=run.info.run_id,
        categories=["truth"],
        created_by="ann",
    )
    assert made.issue_id.startswith("iss-")
    same(store.get_issue(made.issue_id), made)
    same((made.status, made.severity), (IssueStatus.PENDING, IssueSeverity.HIGH))
    same((made.root_causes, made.categories), (["no retrieval", "é"], ["truth"]))
    time.sleep(0.05)  # longer than a machine's clock is set back by
    changed = store.update_issue(made.issue_id, status=IssueStatus.RESOLVED, name="invented sources")
    same((changed.status, changed.name), (IssueStatus.RESOLVED, "invented sources"))
    same((changed.description, changed.severity), (made.description, IssueSeverity.HIGH))
    assert changed.last_updated_timestamp > made.last_updated_timestamp
    same(store.get_issue(made.issue_id), changed)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        store.get_issue("iss-none")
    with refused("RESOURCE_DOES_NOT_EXIST"):
        store.create_issue(experiment_id="99999999", name="n", description="d")


def issues_are_found_the_gravest_first():
    experiment_id = _experiment()
    for name, severity in (("a", None), ("b", "low"), ("c", "high"), ("d", "low"), ("e", "not_an_issue")):
        store.create_issue(experiment_id, name, "d", severity=severity and IssueSeverity(severity))
        time.sleep(0.05)  # longer than a machine's clock is set back by

    def names(**more):
        return [issue.name for issue in store.search_issues(experiment_id=experiment_id, **more)]

    same(names(), ["c", "d", "b", "e", "a"])
    first = store.search_issues(experiment_id=experiment_id, max_results=3)
    same([issue.name for issue in first], ["c", "d", "b"])
    same(names(max_results=3, page_token=first.token), ["e", "a"])
    store.update_issue(first[0].issue_id, status=IssueStatus.REJECTED)
    same(names(filter_string="status = 'rejected'"), ["c"])
    same(names(filter_string="status != 'rejected' AND status = 'pending'"), ["d", "b", "e", "a"])
    same(names(filter_string="source_run_id = 'x'"), [])
    with refused("INVALID_PARAMETER_VALUE"):
        names(filter_string="name = 'a'")
    with refused("INVALID_PARAMETER_VALUE"):
        names(filter_string="status LIKE 'r%'")


def a_question_is_made_got_changed_and_deleted():
    experiment_id = _experiment()
    inputs = {
        "Is it correct?": InputPassFail(positive_label="Correct", negative_label="Wrong"),
        "tone": InputCategorical(options=["kind", "rude"], multi_select=True),
        "score": InputNumeric(min_value=0.0, max_value=5.5),
        "answer": InputText(max_length=100),
    }
    made = {}
    for name, given in inputs.items():
        made[name] = create_label_schema(name, type="expectation", input=given, instruction="Look twice.")
        same(get_label_schema(schema_id=made[name].schema_id).input, given)
        time.sleep(0.05)  # longer than a machine's clock is set back by
    same(get_label_schema(name="tone", experiment_id=experiment_id), made["tone"])
    same(
        [each.name for each in list_label_schemas()],
        ["answer", "score", "tone", "Is it correct?", "Feedback"],
    )
    changed = update_label_schema(
        made["tone"].schema_id,
        name="voice",
        input=InputCategorical(["kind", "rude", "dry"], multi_select=True),
    )
    same((changed.name, changed.input.options), ("voice", ["kind", "rude", "dry"]))
    same((changed.instruction, changed.enable_comment), ("Look twice.", False))
    same(update_label_schema(changed.schema_id, instruction="", enable_comment=True).instruction, "")
    for wrong in (
        lambda: update_label_schema(changed.schema_id, input=InputText()),
        lambda: update_label_schema(changed.schema_id, input=InputCategorical(["a"])),
        lambda: create_label_schema("feedback ", type="feedback", input=InputText()),
        lambda: create_label_schema("n", type="feedback", input=InputCategorical([])),
    ):
        with refused("INVALID_PARAMETER_VALUE"):
            wrong()
    for taken in (
        lambda: create_label_schema("voice", type="feedback", input=InputText()),
        lambda: update_label_schema(made["score"].schema_id, name="voice"),
    ):
        with refused("RESOURCE_ALREADY_EXISTS"):
            taken()
    delete_label_schema(schema_id=changed.schema_id)
    delete_label_schema(schema_id=changed.schema_id)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        get_label_schema(schema_id=changed.schema_id)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        list_label_schemas(experiment_id="99999999")
    same(len(list_label_schemas(experiment_id=experiment_id)), 4)


def each_experiment_asks_for_feedback():
    experiment_id = _experiment()
    (question,) = list_label_schemas()
    same((question.name, question.is_default, question.type.value), ("Feedback", True, "feedback"))
    same(get_label_schema(schema_id=question.schema_id), question)
    same(get_label_schema(name="Feedback", experiment_id=experiment_id), question)
    with refused("INVALID_PARAMETER_VALUE"):
        update_label_schema(question.schema_id, instruction="x")
    with refused("INVALID_PARAMETER_VALUE"):
        delete_label_schema(schema_id=question.schema_id)


def pages_of_questions_hold_each_once():
    _experiment()
    for number in range(4):
        create_label_schema(f"q{number}", type="feedback", input=InputText())
        time.sleep(0.05)  # longer than a machine's clock is set back by
    found, token = [], None
    while True:
        page = list_label_schemas(max_results=2, page_token=token)
        found += [each.name for each in page]
        token = page.token
        if not token:
            break
    same(found, ["q3", "q2", "q1", "q0", "Feedback"])
