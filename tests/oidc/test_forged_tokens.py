"""A provider of identities that lies, errs or was taken over: nobody is signed in by what it says then."""

from __future__ import annotations

import base64
import hmac
import json
import time
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from runyard.errors import Forbidden, InvalidState, RunyardError, Unavailable
from runyard.services.oidc import ALGORITHMS, Attempt, Identity, OidcProvider, open_provider
from runyard.services.outbound import OutboundClient
from runyard.settings import Mode, Settings
from tests.oidc.lying_provider import CLIENT_ID, FOREIGN, KEYS, LyingProvider, lying_provider
from tests.server.team import Team

CALLBACK = "/api/v1/oidc/callback"
URI = f"https://ml.example{CALLBACK}"


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def provider():
    with lying_provider() as provider:
        yield provider


@pytest.fixture
def settings(provider):
    return Settings(mode=Mode.SERVE, oidc_issuer=provider.issuer, oidc_client_id=CLIENT_ID)


@pytest.fixture
def attempt(provider):
    return Attempt("state", provider.nonce, "verifier", "/")


@pytest.fixture
def client(settings):
    opened = open_provider(settings)
    assert opened is not None
    return opened


def named(client: OidcProvider, attempt: Attempt) -> Identity:
    return client.identify("code", attempt, URI)


# --- what is taken ----------------------------------------------------------------------------------------


# Providers go on using the older name of what is Ed25519 today.
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize(
    ("alg", "key"),
    [("RS256", "rsa"), ("PS256", "rsa"), ("ES256", "ec"), ("EdDSA", "okp"), ("Ed25519", "okp")],
)
def test_an_id_token_that_is_good_names_somebody(provider, client, attempt, alg, key):
    provider.claims = {"preferred_username": "ann", "groups": ["a", 7, "b"]}
    provider.token = provider.signed(alg, KEYS[key])
    found = named(client, attempt)
    assert found == Identity(provider.issuer, "s-1", ("ann",), None, ("a", "b"))
    assert provider.form()["code_verifier"] == ["verifier"]
    assert provider.form()["redirect_uri"] == [URI]


def test_an_id_token_may_be_for_others_besides_if_it_was_made_for_this_server(provider, client, attempt):
    provider.claims = {"aud": [CLIENT_ID, "another"], "azp": CLIENT_ID}
    assert named(client, attempt).subject == "s-1"


@pytest.mark.parametrize(
    ("claims", "groups"),
    [
        ({"groups": "one"}, ("one",)),
        ({"groups": {"a": 1}}, ()),
        ({}, ()),
        ({"groups": ["x"] * 2000}, ("x",) * 1000),
    ],
)
def test_groups_are_a_list_or_one_and_of_bounded_number(provider, client, attempt, claims, groups):
    provider.claims = claims
    assert named(client, attempt).groups == groups


@pytest.mark.parametrize(("minutes", "is_good"), [(-0.5, True), (-2, False)])
def test_clocks_may_differ_by_a_minute(provider, client, attempt, minutes, is_good):
    provider.claims = {"exp": int(time.time() + 60 * minutes)}
    if is_good:
        assert named(client, attempt).subject == "s-1"
    else:
        with pytest.raises(Forbidden):
            named(client, attempt)


@pytest.mark.parametrize(
    ("claims", "told", "email"),
    [
        ({"email": "a@x.example", "email_verified": True}, None, "a@x.example"),
        ({"email": "a@x.example", "email_verified": "true"}, None, None),
        ({"email": "a@x.example", "email_verified": 1}, None, None),
        ({"email": "a@x.example"}, None, None),
        (
            {},
            {"sub": "s-1", "email": "a@x.example", "email_verified": True, "groups": ["admins"]},
            "a@x.example",
        ),
        # What is said of one address is not said of another, and of one person not of another.
        (
            {"email": "boss@x.example"},
            {"sub": "s-1", "email": "a@x.example", "email_verified": True, "groups": ["admins"]},
            None,
        ),
        ({"email": "boss@x.example"}, {"sub": "s-1", "email_verified": True, "groups": ["admins"]}, None),
        ({}, {"sub": "s-2", "email": "boss@x.example", "email_verified": True, "groups": ["admins"]}, None),
        ({}, {"email": "boss@x.example", "email_verified": True}, None),
    ],
)
def test_an_address_counts_only_if_the_provider_has_verified_it(
    provider, client, attempt, claims, told, email
):
    provider.claims, provider.told = claims, told
    found = named(client, attempt)
    assert found.email == email
    assert found.groups == (("admins",) if told and told.get("sub") == "s-1" else ())


# --- S12: ID tokens that are not good ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"iss": ["{issuer}"]},
        {"aud": "another"},
        {"aud": []},
        {"aud": None},
        {"aud": ["another", "third"]},
        {"aud": [CLIENT_ID, "another"]},
        {"aud": [CLIENT_ID, "another"], "azp": "another"},
        {"azp": "another"},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": ["nonce"]},
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"iat": 4_000_000_000},
        {"iat": None},
        {"nbf": 4_000_000_000},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "s" * 256},
    ],
    ids=str,
)
def test_s12_an_id_token_with_a_wrong_claim_names_nobody(provider, client, attempt, claims):
    provider.claims = claims if "iss" not in claims else {"iss": own(claims["iss"], provider)}
    with pytest.raises(Forbidden):
        named(client, attempt)


def own(issuer, provider):
    return [provider.issuer] if isinstance(issuer, list) else issuer


def unsigned(claims: dict[str, object], alg: str) -> str:
    parts = ({"alg": alg, "kid": "rsa"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, ""])


def by_shared_secret(provider: LyingProvider) -> str:
    """Signed with what everybody knows: the public key, taken for a secret."""
    public, text = KEYS["rsa"].as_pem(private=False), unsigned(provider.usual_claims(), "HS256")
    mac = hmac.digest(public, text.rstrip(".").encode(), "sha256")
    return text + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


FORGED = {
    "none": lambda provider: unsigned(provider.usual_claims(), "none"),
    "None": lambda provider: unsigned(provider.usual_claims(), "None"),
    "no signature": lambda provider: unsigned(provider.usual_claims(), "RS256"),
    "public key as secret": by_shared_secret,
    "foreign key of a known name": lambda provider: provider.signed(key=FOREIGN),
    "foreign key of no known name": lambda provider: provider.signed(key=FOREIGN, kid="new"),
    "key that it brings along": lambda provider: provider.signed(
        key=FOREIGN, jwk=FOREIGN.as_dict(private=False)
    ),
    "key of another kind": lambda provider: provider.signed("ES256", KEYS["ec"], kid="rsa"),
    "list for a name": lambda provider: provider.signed()[:0] + unsigned({}, "RS256").replace("rsa", "x"),
    "changed": lambda provider: provider.signed()[:-6] + "AAAAAA",
    "no token": lambda provider: "nonsense",
    "dots": lambda provider: "..",
    "nested": lambda provider: base64.urlsafe_b64encode(b"[" * 30_000).decode() + ".e30.e30",
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_s12_an_id_token_that_the_provider_did_not_sign_names_nobody(provider, client, attempt, forge):
    provider.token = forge(provider)
    with pytest.raises(Forbidden):
        named(client, attempt)


def test_s12_no_shared_secret_and_no_missing_signature_is_ever_an_algorithm():
    assert not [alg for alg in ALGORITHMS if alg.startswith("HS") or alg.lower() == "none"]


def test_s12_a_shared_secret_among_the_keys_signs_nothing(provider, client, attempt):
    secret = OctKey.generate_key(256, {"kid": "shared"})
    provider.keys = [secret.as_dict(), *provider.keys]
    provider.token = jwt.encode({"alg": "HS256", "kid": "shared"}, provider.usual_claims(), secret)
    with pytest.raises(Forbidden):
        named(client, attempt)
    provider.token = None
    assert named(client, attempt).subject == "s-1"


# --- its keys ---------------------------------------------------------------------------------------------


def test_keys_are_asked_for_again_when_one_is_new_but_once_a_minute(provider, settings, attempt):
    clock = Clock()
    allowed = replace(settings, outbound_allow=("127.0.0.1",))
    client = OidcProvider(settings, OutboundClient(allowed), clock)
    all_keys, provider.keys = provider.keys, [KEYS["ec"].as_dict(private=False)]
    provider.token = provider.signed("ES256", KEYS["ec"])
    named(client, attempt)
    provider.keys, provider.token = all_keys, provider.signed()
    for _ in range(3):
        with pytest.raises(Forbidden):
            named(client, attempt)
    assert len(provider.asked("/keys")) == 1
    clock.now_s += 61
    assert named(client, attempt).subject == "s-1"
    assert len(provider.asked("/keys")) == 2
    # Who sends nonsense doesn't make the server ask more.
    provider.token = provider.signed(key=FOREIGN, kid="made up")
    for _ in range(3):
        with pytest.raises(Forbidden):
            named(client, attempt)
    assert len(provider.asked("/keys")) == 2
    assert len(provider.asked("/.well-known/openid-configuration")) == 1


def test_a_key_of_a_kind_that_nobody_here_knows_takes_nothing_from_the_others(provider, client, attempt):
    strange = [
        {"kty": "EC", "crv": "of tomorrow", "x": "a", "y": "b", "kid": "1"},
        {"kty": "OKP", "crv": "X25519", "x": "AAAA", "kid": "2"},
        {"kty": "of tomorrow", "kid": "3"},
        {"kty": "RSA", "use": "enc", "kid": "rsa", **FOREIGN.as_dict(private=False)} | {"use": "enc"},
        "text",
        None,
        7,
    ]
    provider.keys = strange + provider.keys
    assert named(client, attempt).subject == "s-1"


@pytest.mark.parametrize("keys", [[], None, "text", {}, [{}], [None], [{"kty": "EC", "crv": "x"}]], ids=str)
def test_a_provider_without_keys_is_an_error_that_says_so(provider, client, attempt, keys):
    provider.keys = keys
    with pytest.raises(Unavailable, match="no key"):
        named(client, attempt)


# --- its discovery document -------------------------------------------------------------------------------


@pytest.mark.parametrize("issuer", ["https://evil.example", None, ["x"], "{issuer}/"])
def test_a_document_of_another_issuer_is_not_believed(provider, client, attempt, issuer):
    said = issuer.format(issuer=provider.issuer) if isinstance(issuer, str) else issuer
    provider.document = {"issuer": said}
    with pytest.raises(Unavailable, match="letter by letter"):
        client.authorization_url(attempt, URI)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:9/token",
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/latest/meta-data/",
        "https://10.0.0.1/token",
        "https://[::ffff:169.254.169.254]/token",
        "file:///etc/hostname",
        "gopher://127.0.0.1/x",
        "javascript:alert(1)",
        "//127.0.0.1/token",
        "",
        None,
        7,
        ["x"],
        "https://",
    ],
)
@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", "userinfo_endpoint"])
def test_s18_the_document_leads_the_server_nowhere_else(provider, client, attempt, name, endpoint):
    provider.told = {"sub": "s-1", "email": "led@astray.example", "email_verified": True}
    provider.document = {name: endpoint}
    with pytest.raises(RunyardError) as refused:
        named(client, attempt)
    assert refused.value.http_status in (400, 503)


@pytest.mark.parametrize(
    "endpoint", ["javascript:alert(1)", "data:text/html,x", "http://evil.example/", None]
)
def test_a_browser_is_sent_to_https_alone_or_beside_an_issuer_on_loopback(
    provider, client, attempt, endpoint
):
    provider.document = {"authorization_endpoint": endpoint}
    with pytest.raises(Unavailable):
        client.authorization_url(attempt, URI)


def test_an_issuer_on_https_is_not_left_for_plain_http(settings):
    secure = OidcProvider(replace(settings, oidc_issuer="https://id.example"), OutboundClient(settings))
    secure._discovered = (secure._clock(), {"token_endpoint": "http://id.example/token"})
    with pytest.raises(Unavailable, match="https"):
        secure._endpoint("token_endpoint")


def test_a_browser_takes_along_what_ties_the_answer_to_it(client, attempt, provider):
    asked = {
        name: value[0]
        for name, value in parse_qs(urlsplit(client.authorization_url(attempt, URI)).query).items()
    }
    assert asked["code_challenge_method"] == "S256"
    assert (asked["state"], asked["nonce"], asked["redirect_uri"]) == ("state", provider.nonce, URI)
    assert asked["response_type"] == "code"
    assert "verifier" not in asked.values()


@pytest.mark.parametrize("issuer", ["ftp://id.example", "id.example", "https://"])
def test_settings_that_name_no_provider_are_refused_at_the_start(settings, issuer):
    with pytest.raises(InvalidState, match="oidc_issuer"):
        open_provider(replace(settings, oidc_issuer=issuer))
    with pytest.raises(InvalidState, match="oidc_client_id"):
        open_provider(replace(settings, oidc_client_id=""))
    assert open_provider(replace(settings, oidc_issuer="")) is None


# --- the whole way ----------------------------------------------------------------------------------------


class Visit:
    """A browser at a team's server that the provider sends back."""

    def __init__(self, team: Team, provider: LyingProvider) -> None:
        answer = team.ask("GET", "/api/v1/oidc/login")
        assert answer.status_code == 303, answer.text
        team._client.cookies.clear()
        asked = parse_qs(urlsplit(answer.headers["location"]).query)
        self.state, provider.nonce = asked["state"][0], asked["nonce"][0]
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        self._team = team

    def back(self, cookie: str | None = None):
        sent = {"Cookie": cookie or self.cookie, "User-Agent": "Tester/1.0"}
        answer = self._team.ask("GET", CALLBACK, {"code": "c", "state": self.state}, headers=sent)
        self._team._client.cookies.clear()
        return answer


@pytest.fixture
def team(tmp_path, provider):
    team = Team(
        tmp_path / "home",
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT_ID,
        oidc_administrators="admins",
    )
    yield team
    team.close()


def test_who_is_refused_is_in_the_audit_log_with_where_from(team, provider):
    provider.claims = {"preferred_username": "mal", "aud": "another"}
    assert Visit(team, provider).back().status_code == 403
    provider.claims = {"preferred_username": "mal"}
    assert Visit(team, provider).back().status_code == 303
    team.ask("PATCH", "/api/v1/principals/mal", {"is_disabled": True}, key=team.admin_key).raise_for_status()
    assert Visit(team, provider).back().status_code == 403
    noted = [each for each in team.operation.refusals.due(is_ending=True) if "sign_in" in each.action]
    assert [(each.outcome.value, each.target, each.client) for each in noted] == [
        ("refused", "", "127.0.0.1"),
        ("refused", "name=mal", "127.0.0.1"),
    ]
    assert all(each.request_id for each in noted)


def test_who_loses_the_last_group_is_told_of_by_silence_and_loses_what_it_gave(team, provider):
    body = {"name": "vision", "kind": "group"}
    team.ask("POST", "/api/v1/principals", body, key=team.admin_key).raise_for_status()

    def state():
        who = team.ask("GET", "/api/v1/principals/eve", key=team.admin_key).json()["principal"]
        of_group = team.ask("GET", "/api/v1/groups/vision/members", key=team.admin_key).json()
        return who.get("is_administrator", False), len(of_group.get("principals", []))

    provider.claims = {"preferred_username": "eve", "groups": ["admins", "vision"]}
    assert Visit(team, provider).back().status_code == 303
    assert state() == (True, 1)
    provider.claims = {"preferred_username": "eve"}
    assert Visit(team, provider).back().status_code == 303
    assert state() == (False, 0)


def test_what_a_browser_may_bring_along_is_a_refusal_and_no_fault(team, provider):
    visit = Visit(team, provider)
    name = visit.cookie.partition("=")[0]
    for content in (b"[" * 40_000, b'{"x":' + b"[" * 40_000, b'{"state": 7}', b"null", b"\xff\xfe", b""):
        brought = base64.urlsafe_b64encode(content).decode()
        assert visit.back(f"{name}={brought}").status_code == 403
    assert visit.back(f"{name}=%%%").status_code == 403
    assert visit.back(f"{visit.cookie}; {name}=eA==").status_code == 403
    assert visit.back().status_code == 303


def test_a_provider_that_errs_is_a_page_and_no_fault(team, provider):
    wrong: tuple[object, ...] = ("x" * 70_000, 7, [], {})
    for token in wrong:
        provider.token = token
        answer = Visit(team, provider).back()
        assert answer.status_code == 503
        assert "You are not signed in" in answer.text
    provider.token = "a.b.c"
    assert Visit(team, provider).back().status_code == 403


def test_s28_an_address_that_only_looks_like_an_invited_one_is_nobody_s_invitation(team, provider):
    invited = {"name": "kim", "email": "kim@lab.example"}
    team.ask("POST", "/api/v1/principals", invited, key=team.admin_key).raise_for_status()
    claims = {"sub": "s-9", "preferred_username": "\u043aim", "email_verified": True}
    provider.claims = claims | {"email": "\u212aim@lab.example"}  # the sign for kelvin
    assert Visit(team, provider).back().status_code == 303
    people = team.ask("GET", "/api/v1/principals", {"kind": "person"}, key=team.admin_key).json()[
        "principals"
    ]
    # They are somebody else, and not called by what reads like the name either.
    assert [each["name"] for each in people] == ["ann", "kim", "\u043aim 2"]
    provider.claims = claims | {"sub": "s-10", "email": "KIM@lab.example"}
    assert Visit(team, provider).back().status_code == 303
    again = team.ask("GET", "/api/v1/principals", {"kind": "person"}, key=team.admin_key).json()["principals"]
    assert len(again) == len(people)
