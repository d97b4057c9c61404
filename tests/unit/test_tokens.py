"""Tokens: S12 (expired, too early, wrong audience, wrong key, ``alg: none``), narrowing, key rotation."""

from __future__ import annotations

import base64
import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from runyard.auth.permissions import LOCAL_OWNER, UNAUTHENTICATED_TEXT, Caller, Permission, Proof, Scope
from runyard.auth.tokens import MAX_RENEWED_S, MAX_TOKEN_LENGTH, TokenIssuer, new_signing_key
from runyard.errors import Forbidden, InvalidParameter, Unauthenticated, Unavailable

NOW_MS = 1_800_000_000_000
HOUR_MS = 3_600_000
LEEWAY_MS = 60_000
KEY = new_signing_key(NOW_MS - 5000)
ISSUER = TokenIssuer("server-1", [KEY])
ANN = Caller(name="ann", principal_id="p1", scope=Scope.ADMIN, key_id="0123456789ab")

scopes = st.sampled_from(Scope)
reaches = st.sampled_from([None, "alpha", "beta"])


def token(caller=ANN, workspace="alpha", scope=Scope.CONTRIBUTOR, lifetime_s=3600, now_ms=NOW_MS):
    return ISSUER.issue(caller, workspace, scope, lifetime_s, now_ms)


def claims(**changes):
    """The claims of a good token with some changed; ``None`` leaves one out."""
    now_s = NOW_MS // 1000
    base = {
        "iss": "server-1",
        "aud": "runyard:api",
        "sub": "p1",
        "name": "ann",
        "iat": now_s,
        "nbf": now_s,
        "since": now_s,
        "exp": now_s + 600,
        "jti": "x",
        "scope": "reader",
        "workspace": "alpha",
        "key": "0123456789ab",
    } | changes
    return {name: value for name, value in base.items() if value is not ...}


def signed(payload, header=None, key=KEY, alg="Ed25519"):
    """A token signed by hand, as somebody with the private key could make it."""
    header = {"alg": alg, "kid": key.key_id} if header is None else header
    return jwt.encode(header, payload, OKPKey.import_key(json.loads(key.private_jwk)), algorithms=[alg])


def segment(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def refused(text, issuer=ISSUER, now_ms=NOW_MS):
    with pytest.raises(Unauthenticated) as error:
        issuer.verify(text, now_ms)
    assert str(error.value) == UNAUTHENTICATED_TEXT
    return True


def test_a_token_says_who_it_speaks_for_and_how_far():
    issued = token()
    assert issued.expires_ms == NOW_MS + HOUR_MS
    assert ISSUER.verify(issued.text, NOW_MS) == Caller(
        name="ann",
        principal_id="p1",
        scope=Scope.CONTRIBUTOR,
        workspace="alpha",
        proof=Proof.TOKEN,
        key_id="0123456789ab",
        expires_ms=NOW_MS + HOUR_MS,
        since_ms=NOW_MS,
    )


def test_the_header_names_the_algorithm_and_the_key_and_the_body_no_secret():
    head, body, _ = token().text.split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    assert header == {"typ": "JWT", "alg": "Ed25519", "kid": KEY.key_id}
    assert json.loads(KEY.private_jwk)["d"] not in base64.urlsafe_b64decode(body + "==").decode()


def test_a_hand_made_token_with_all_claims_is_accepted_so_that_the_refusals_below_mean_something():
    assert ISSUER.verify(signed(claims()), NOW_MS).scope is Scope.READER


@pytest.mark.parametrize("after_ms", [0, HOUR_MS - 1, HOUR_MS + LEEWAY_MS - 1000])
def test_r08_a_token_is_good_until_it_expires_plus_a_minute_of_clock_skew(after_ms):
    assert ISSUER.verify(token().text, NOW_MS + after_ms).name == "ann"


@pytest.mark.parametrize("after_ms", [HOUR_MS + LEEWAY_MS, HOUR_MS + LEEWAY_MS + 1000, 10 * HOUR_MS])
def test_s12_an_expired_token_is_refused(after_ms):
    assert refused(token().text, now_ms=NOW_MS + after_ms)


def test_s12_a_token_seen_before_is_refused_once_it_has_expired():
    text = token().text
    ISSUER.verify(text, NOW_MS)
    assert refused(text, now_ms=NOW_MS + 2 * HOUR_MS)


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_s12_a_token_of_the_future_is_refused_beyond_a_minute_of_clock_skew(claim):
    soon, later = NOW_MS // 1000 + 59, NOW_MS // 1000 + 61
    assert ISSUER.verify(signed(claims(**{claim: soon})), NOW_MS).name == "ann"
    assert refused(signed(claims(**{claim: later})))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"aud": "runyard:job"}, id="another audience"),
        pytest.param({"aud": ["runyard:api", "other"]}, id="a list of audiences"),
        pytest.param({"iss": "server-2"}, id="another server"),
        pytest.param({"scope": "root"}, id="an unknown scope"),
        pytest.param({"workspace": ["alpha"]}, id="a list of workspaces"),
        pytest.param({"exp": "2100-01-01"}, id="a date instead of a number"),
        pytest.param({"exp": True}, id="a boolean instead of a number"),
        pytest.param({"sub": 7}, id="a number instead of a name"),
    ],
)
def test_s12_a_token_with_a_wrong_claim_is_refused(changes):
    assert refused(signed(claims(**changes)))


@pytest.mark.parametrize("claim", sorted(claims()))
def test_s12_a_token_without_one_of_its_claims_is_refused(claim):
    assert refused(signed(claims(**{claim: ...})))


def test_s12_a_token_of_another_servers_key_is_refused():
    stranger = new_signing_key(NOW_MS)
    assert refused(signed(claims(), key=stranger))
    assert refused(signed(claims(), key=stranger, header={"alg": "Ed25519", "kid": KEY.key_id}))


def test_s12_a_token_without_a_signature_is_refused():
    good = token().text
    body = good.split(".")[1]
    for header in ({"alg": "none"}, {"alg": "none", "kid": KEY.key_id}, {"alg": "NONE", "kid": KEY.key_id}):
        assert refused(f"{segment(header)}.{body}.")
        assert refused(f"{segment(header)}.{body}.{good.split('.')[2]}")
    assert refused(good.rpartition(".")[0] + ".")


def test_s12_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused():
    public = json.loads(KEY.private_jwk)["x"]
    for secret in (public, json.dumps(OKPKey.import_key(json.loads(KEY.private_jwk)).as_dict(private=False))):
        shared = OctKey.import_key(secret.encode() if len(secret) >= 32 else secret * 2)
        text = jwt.encode({"alg": "HS256", "kid": KEY.key_id}, claims(), shared, algorithms=["HS256"])
        assert refused(text)


def test_s12_a_key_that_the_token_brings_along_is_not_used():
    own = OKPKey.generate_key("Ed25519")
    header = {"alg": "Ed25519", "kid": KEY.key_id, "jwk": own.as_dict(private=False)}
    assert refused(jwt.encode(header, claims(), own, algorithms=["Ed25519"]))


@pytest.mark.parametrize("kid", [None, "", "../../etc/passwd", "x" * 300, 7, ["a"], {"a": 1}, ...])
def test_s12_a_token_of_an_unknown_key_is_refused(kid):
    header = {"alg": "Ed25519"} | ({} if kid is ... else {"kid": kid})
    _, body, signature = token().text.split(".")
    assert refused(f"{segment(header)}.{body}.{signature}")


@pytest.mark.parametrize("part", [0, 1, 2])
def test_s12_a_changed_token_is_refused(part):
    parts = token().text.split(".")
    parts[part] = ("A" if parts[part][0] != "A" else "B") + parts[part][1:]
    assert refused(".".join(parts))


def test_an_oversize_token_is_refused_before_it_is_looked_at():
    assert refused(signed(claims(name="n" * MAX_TOKEN_LENGTH)))
    assert refused("a" * 1_000_000)


@given(st.text(max_size=60) | st.lists(st.text(max_size=12), max_size=5).map(".".join))
def test_no_text_makes_anything_else_than_that_one_refusal(text):
    assert refused(text)


header_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


@given(
    st.dictionaries(st.sampled_from(["alg", "kid", "crit", "typ", "b64", "zip", "jku"]), header_values)
    | header_values
)
def test_no_header_makes_anything_else_than_that_one_refusal(header):
    _, body, signature = token().text.split(".")
    assert refused(f"{segment(header)}.{body}.{signature}")


@given(scopes, reaches, scopes, reaches)
def test_a_token_never_reaches_further_than_its_callers_credential(scope, workspace, asked, asked_workspace):
    caller = dataclasses.replace(ANN, scope=scope, workspace=workspace)
    narrower = scope.includes(asked) and workspace in {None, asked_workspace}
    if not narrower:
        with pytest.raises(Forbidden):
            token(caller, asked_workspace, asked)
        return
    made = ISSUER.verify(token(caller, asked_workspace, asked).text, NOW_MS)
    for permission in Permission:
        for place in (None, "default", "alpha", "beta"):
            assert caller.may(permission, place) or not made.may(permission, place)


def test_a_token_is_not_exchanged_for_another():
    bearer = ISSUER.verify(token().text, NOW_MS)
    with pytest.raises(Forbidden, match="send the API key"):
        token(bearer, "alpha", Scope.READER)


def test_the_local_owner_gets_a_token_that_is_not_the_local_owner_itself():
    made = ISSUER.verify(token(LOCAL_OWNER).text, NOW_MS)
    assert made.principal_id == LOCAL_OWNER.principal_id
    assert not made.is_local_owner
    assert made.scope is Scope.CONTRIBUTOR


@pytest.mark.parametrize("lifetime_s", [-1, 0, 3601, 10**9])
def test_a_token_lives_an_hour_at_most(lifetime_s):
    with pytest.raises(InvalidParameter, match="'expires_in_s' must be between 1 and 3600"):
        token(lifetime_s=lifetime_s)


def test_a_token_ends_with_the_api_key_it_came_from():
    leaving = dataclasses.replace(ANN, expires_ms=NOW_MS + 90_000)
    assert token(leaving).expires_ms == NOW_MS + 90_000


def test_two_tokens_are_never_the_same():
    assert token().text != token().text


def test_the_repr_of_a_token_has_no_secret():
    issued = token()
    assert issued.text not in repr(issued)


def test_after_a_rotation_the_new_key_signs_and_the_old_one_still_verifies():
    old = token()
    retired = dataclasses.replace(KEY, retired_ms=NOW_MS + 1000)
    new = new_signing_key(NOW_MS + 1000)
    rotated = TokenIssuer("server-1", [retired, new])
    assert rotated.verify(old.text, NOW_MS + 2000).name == "ann"
    fresh = rotated.issue(ANN, None, Scope.READER, 60, NOW_MS + 4000)
    assert rotated.verify(fresh.text, NOW_MS + 4000).scope is Scope.READER
    assert refused(fresh.text, issuer=ISSUER, now_ms=NOW_MS + 4000)


def test_two_keys_in_use_both_verify_and_the_newer_signs():
    newer = new_signing_key(NOW_MS - 2000)
    both = TokenIssuer("server-1", [newer, KEY])
    assert both.verify(token().text, NOW_MS).name == "ann"
    text = both.issue(ANN, None, Scope.READER, 60, NOW_MS).text
    assert TokenIssuer("server-1", [newer]).verify(text, NOW_MS).name == "ann"


def test_a_retired_key_verifies_nothing_once_its_last_token_has_expired():
    retired = dataclasses.replace(KEY, retired_ms=NOW_MS)
    late_ms = NOW_MS + HOUR_MS + LEEWAY_MS
    forged = signed(claims(exp=late_ms // 1000 + 3000))
    issuer = TokenIssuer("server-1", [retired])
    assert issuer.verify(forged, late_ms - 1000).name == "ann"
    assert refused(forged, issuer=issuer, now_ms=late_ms)


def test_without_a_key_in_use_no_token_is_made():
    with pytest.raises(Unavailable):
        TokenIssuer("server-1", []).issue(ANN, None, Scope.READER, 60, NOW_MS)


def test_a_new_key_signs_once_every_server_knows_it():
    old = new_signing_key(NOW_MS - 100_000)
    new = new_signing_key(NOW_MS)
    rotated = TokenIssuer("server", [dataclasses.replace(old, retired_ms=NOW_MS), new])
    for later_ms, signs in ((0, old), (1_999, old), (2_000, new), (60_000, new)):
        text = rotated.issue(LOCAL_OWNER, None, Scope.READER, 60, NOW_MS + later_ms).text
        header = json.loads(base64.urlsafe_b64decode(text.split(".")[0] + "=="))
        assert header["kid"] == signs.key_id
        assert rotated.verify(text, NOW_MS + later_ms).scope is Scope.READER


def test_the_first_key_of_all_signs_at_once():
    first = TokenIssuer("server", [new_signing_key(NOW_MS)])
    assert first.verify(first.issue(LOCAL_OWNER, None, Scope.READER, 60, NOW_MS).text, NOW_MS).name == "local"


def test_a_token_is_renewed_for_seven_days_after_the_first():
    bearer, now_ms = ISSUER.verify(token().text, NOW_MS), NOW_MS
    end_ms = NOW_MS + MAX_RENEWED_S * 1000
    while now_ms < end_ms:
        renewed = ISSUER.renew(bearer, "alpha", Scope.CONTRIBUTOR, now_ms)
        assert renewed.expires_ms == min(now_ms + HOUR_MS, end_ms)
        bearer = ISSUER.verify(renewed.text, now_ms)
        assert bearer.since_ms == NOW_MS
        now_ms += 50 * 60 * 1000
    with pytest.raises(Forbidden, match="seven days"):
        ISSUER.renew(bearer, "alpha", Scope.CONTRIBUTOR, end_ms)


@pytest.mark.parametrize(("workspace", "scope"), [("beta", Scope.READER), ("alpha", Scope.OWNER)])
def test_no_renewal_makes_a_token_wider(workspace: str, scope: Scope):
    bearer = ISSUER.verify(token().text, NOW_MS)
    with pytest.raises(Forbidden, match="can't do more"):
        ISSUER.renew(bearer, workspace, scope, NOW_MS)
