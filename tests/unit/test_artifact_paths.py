"""A caller's text becomes a path below the root, or nothing at all."""

import os
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runyard.errors import InvalidParameter
from runyard.stores.artifacts.paths import (
    ROOT,
    ArtifactPath,
    is_plain_name,
    names_directory,
    proxied_path,
    resolve_artifact_location,
    resolve_artifact_path,
)
from tests.hostile_paths import HOSTILE_PATHS

LEGAL = [
    "model.pkl",
    "model/data/model.pkl",
    "with space/a b.txt",
    " leading",
    "naïve/日本語/😀.png",
    "loss#1",
    "#",
    "50%.txt",
    "a%20b",
    "100% sure",
    "sample%step%25%timestamp%1795418419123%o22753d5-89b2-40a9-b3e5-562131c8f5ab%compressed.webp",
    "a+b&c=d;e,f!g$h'i(j)k*l@m~n`o^p|q<r>s[t]u{v}",
    'say "hi".txt',
    "what?",
    "..hidden",
    ".hidden/..x",
    "a...b/...c",
    "key:value",
    "x/" * 400 + "deep",
    "n" * 255,
]


@pytest.mark.parametrize("text", LEGAL)
def test_an_ordinary_name_stays_as_it_is(text):
    assert str(resolve_artifact_path(text)) == text


def test_the_images_of_any_step_are_ordinary_names():
    for step in [*range(3000), *range(25_000, 25_300), 252_500, 2_525_250]:
        name = f"images/dog%step%{step}%timestamp%1795418419123%o22753d5-89b2-40a9-b3e5-562131c8f5ab.png"
        assert str(resolve_artifact_path(name)) == name


def test_two_hundred_hostile_forms_are_tried():
    assert len(HOSTILE_PATHS) >= 200
    assert len(set(HOSTILE_PATHS)) == len(HOSTILE_PATHS)


@pytest.mark.parametrize("is_directory", [False, True])
def test_every_hostile_path_is_refused(is_directory):
    for text in HOSTILE_PATHS:
        with pytest.raises(InvalidParameter, match=r"^Invalid path(: |$)"):
            pytest.fail(f"{text!r} became {resolve_artifact_path(text, is_directory=is_directory)}")


@given(st.text() | st.text(alphabet="./\\%2eEfFcC5~:;#?*\0 aA\u0301é"))
@example("a/./b")
@example("%2e%2e/x")
def test_what_is_not_refused_stays_below_the_root(text):
    try:
        path = resolve_artifact_path(text)
    except InvalidParameter:
        return
    assert path.segments
    below = os.path.join("/root/artifacts", str(path))
    assert os.path.normpath(below) == below
    assert os.path.commonpath(["/root/artifacts", below]) == "/root/artifacts"
    assert not set(str(path)) & {"\\", "\0", "\n", "\r"}
    assert min(str(path)) >= " "
    assert len(str(path).encode()) <= 1024


@given(st.text())
def test_a_resolved_path_resolves_to_itself(text):
    try:
        path = resolve_artifact_path(text)
    except InvalidParameter:
        return
    assert resolve_artifact_path(str(path)) == path
    assert resolve_artifact_path(f"{path}/", is_directory=True) == path
    assert all(is_plain_name(segment) for segment in path.segments)


@given(st.text(alphabet="ab./:%2e \u0301"), st.text(alphabet="ab./:%2e \u0301"))
def test_a_path_is_legal_where_both_its_halves_are(above, below):
    def resolved(text):
        try:
            return resolve_artifact_path(text)
        except InvalidParameter:
            return None

    halves = resolved(above), resolved(below)
    whole = resolved(f"{above}/{below}")
    if halves[0] and halves[1]:
        assert whole == halves[0] / halves[1]
    elif whole:  # a half that leads nowhere, or a slash too many between them
        assert (
            not all(name.strip("/.") for name in (above, below))
            or below.startswith("/")
            or names_directory(above)
        )


@pytest.mark.parametrize("text", ["a/b", "./a/b", "a/./b", "a//b", "././a///.//b"])
def test_what_leads_nowhere_makes_no_other_place(text):
    assert resolve_artifact_path(text) == ArtifactPath(("a", "b"))


@pytest.mark.parametrize("text", ["a", "a/", "a/.", "./a", "a//", "a/././/"])
def test_a_directory_may_end_in_what_leads_nowhere(text):
    assert resolve_artifact_path(text, is_directory=True) == ArtifactPath(("a",))


@given(st.text(alphabet=st.characters(min_codepoint=0xA0, max_codepoint=0x24F), min_size=1, max_size=30))
def test_composed_and_decomposed_spellings_are_one_path(text):
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert resolve_artifact_path(composed) == resolve_artifact_path(decomposed)


@pytest.mark.parametrize("text", ["", ".", "./", "dir/", "a/b/", "a/.", "a//"])
def test_a_file_needs_a_name_at_its_end(text):
    with pytest.raises(InvalidParameter, match="Invalid path"):
        resolve_artifact_path(text)


def test_a_directory_may_be_the_root_or_end_in_a_slash():
    for text in ("", ".", "./", "././/"):
        assert resolve_artifact_path(text, is_directory=True) == ROOT
    assert resolve_artifact_path("a/b/", is_directory=True) == ArtifactPath(("a", "b"))
    for text in ("/", "/.", "//"):
        with pytest.raises(InvalidParameter, match="Invalid path"):
            resolve_artifact_path(text, is_directory=True)


@pytest.mark.parametrize(
    "segments",
    [
        ("..",),
        ("a", ""),
        ("a/b",),
        ("a\\b",),
        ("e\u0301",),
        ("c:",),
        ("s3:",),
        ("file:x",),
        ("a.",),
        ("\x00",),
        ("\ud800",),
    ],
)
def test_no_path_with_an_illegal_segment_can_be_made_at_all(segments):
    with pytest.raises(InvalidParameter):
        ArtifactPath(segments)


def test_paths_are_joined_and_taken_apart():
    path = ArtifactPath(("default", "1")) / resolve_artifact_path("model/MLmodel")
    assert str(path) == "default/1/model/MLmodel"
    assert path.name == "MLmodel"
    assert str(path.parent) == "default/1/model"
    assert ROOT.parent == ROOT
    assert ROOT.name == ""


@pytest.mark.parametrize(("length", "is_legal"), [(255, True), (256, False)])
def test_a_segment_is_as_long_as_file_systems_take(length, is_legal):
    assert is_plain_name("é" * (length // 2) + "n" * (length % 2)) is is_legal


def test_a_path_is_measured_in_bytes():
    assert resolve_artifact_path("/".join(["é" * 100] * 5)).name == "é" * 100
    with pytest.raises(InvalidParameter, match="longer than 1024 bytes"):
        resolve_artifact_path("/".join(["é" * 100] * 6))


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("plain", "mlflow-artifacts:/plain"),
        ("team/one two", "mlflow-artifacts:/team/one two"),
        ("e\u0301", "mlflow-artifacts:/\u00e9"),
        ("mlflow-artifacts:/x", "mlflow-artifacts:/x"),
        ("MLflow-Artifacts:/x/y/", "mlflow-artifacts:/x/y"),
        ("./x", "mlflow-artifacts:/x"),
        ("mlflow-artifacts:/x//./y", "mlflow-artifacts:/x/y"),
        ("s3://bucket/prefix", "s3://bucket/prefix"),
        ("gs://bucket", "gs://bucket"),
        ("wasbs://box@account.blob.core.windows.net/x", "wasbs://box@account.blob.core.windows.net/x"),
        ("abfss://box@account.dfs.core.windows.net/x", "abfss://box@account.dfs.core.windows.net/x"),
        ("dbfs:/databricks/mlflow", "dbfs:/databricks/mlflow"),
        ("hdfs://namenode:8020/x", "hdfs://namenode:8020/x"),
        ("r2://bucket@account.r2.cloudflarestorage.com/x", "r2://bucket@account.r2.cloudflarestorage.com/x"),
        ("oss://bucket/of/a/plugin", "oss://bucket/of/a/plugin"),
    ],
)
def test_a_location_is_below_the_root_or_a_remote_word(text, location):
    assert resolve_artifact_location(text) == location


@pytest.mark.parametrize(
    "text",
    [
        "/etc",
        "//host/share",
        "\\\\host\\share",
        "file:///etc",
        "FILE:/etc",
        "file:x",
        "C:\\x",
        "c:x",
        "../x",
        "a/../../x",
        "   ",
        "x/",
        "x\x00",
        "a#b",
        "a?b",
        "a;b",
        "a%20b",
        "..%2fx",
        "http://h/#/etc",
        "http://h/x",
        "https://h/api/2.0/mlflow-artifacts/artifacts/x",
        "mlflow-artifacts:/",
        "mlflow-artifacts:",
        "mlflow-artifacts:x",
        "mlflow-artifacts://host/x",
        "mlflow-artifacts:///x",
        "mlflow-artifacts:/../x",
        "runs:/0123/model",
        "models:/m/1",
        "javascript:alert(1)",
        "javascript://x/%0aalert(1)",
        "data:text/html,x",
        "s3:",
        "s3://",
        "s3:bucket",
        "s3://bucket/../other",
        "s3://bucket/x?versionId=1",
        "s3://bucket/x#y",
        "s3://bucket/a\\b",
        "s3://bucket/a\nb",
        "s3://key:secret@bucket/x",
        "dbfs:/..?x",
        "s3://" + "x" * 3000,
    ],
)
def test_a_location_that_the_server_could_be_made_to_open_is_refused(text):
    with pytest.raises(InvalidParameter, match="'artifact_location'") as refused:
        resolve_artifact_location(text)
    assert len(refused.value.message) < 600


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("s3://bucket/x#y", "'artifact_location' URL can't include fragments or params."),
        ("s3://bucket/x;y", "'artifact_location' URL can't include fragments or params."),
        ("s3://bucket/x?a=..", "Invalid query string"),
    ],
)
def test_what_follows_a_location_is_refused_in_mlflows_words(text, told):
    with pytest.raises(InvalidParameter) as refused:
        resolve_artifact_location(text)
    assert told in refused.value.message


@pytest.mark.parametrize("text", ["/mnt/share", "file:///mnt/share", "http://host/share"])
def test_a_refusal_of_a_location_says_what_to_give_instead(text):
    with pytest.raises(InvalidParameter, match=r"(?i)give a name, or the URI of an object store\.$"):
        resolve_artifact_location(text)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_another_web_host_is_refused_as_mlflow_refuses_it(scheme):
    with pytest.raises(InvalidParameter, match=f"'artifact_location' cannot use the '{scheme}' scheme"):
        resolve_artifact_location(f"{scheme.upper()}://host/x")


@given(st.text())
def test_a_location_is_never_local(text):
    try:
        location = resolve_artifact_location(text)
    except InvalidParameter:
        return
    scheme, _, rest = location.partition(":")
    assert len(scheme) > 1
    assert scheme.lower() != "file"
    assert rest.startswith("/")
    assert resolve_artifact_location(location) == location


def test_a_location_of_ours_leads_back_to_its_path():
    assert proxied_path(resolve_artifact_location("team/a b")) == ArtifactPath(("team", "a b"))
    assert proxied_path("mlflow-artifacts:/0/run/artifacts") == ArtifactPath(("0", "run", "artifacts"))
    assert proxied_path("s3://bucket/x") is None
    for uri in ("mlflow-artifacts://host/x", "mlflow-artifacts:x", "mlflow-artifacts:/../x"):
        with pytest.raises(InvalidParameter):
            proxied_path(uri)
