"""What a policy document may be, and what it says."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_samples import (
    ANN,
    BOB,
    BOBS_MAN,
    BUCKET_ARN,
    bucket_policy,
    document,
    judge,
    statement,
)

from storage.s3.policy import ANONYMOUS, Kind, PolicyError, Question, Verdict, parse_policy

INVALID_JSON = "This policy contains invalid Json"


def message_of(text: str, kind: Kind = Kind.BUCKET) -> str:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, kind, "photos")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Policies must be valid JSON and the first byte must be '{'"),
        ("[]", "Policies must be valid JSON and the first byte must be '{'"),
        ("{", INVALID_JSON),
        ('{"Statement": [], "Statement": []}', INVALID_JSON),
        ("{" + '"a":{' * 100_000, INVALID_JSON),
        ("{}", "Missing required field Statement"),
        ('{"Statement": []}', "Could not parse the policy: Statement is empty!"),
        ('{"Statement": "x"}', "Invalid policy syntax."),
        ('{"Statement": [1]}', "Invalid policy syntax."),
        ('{"Statements": []}', "Unknown field Statements"),
    ],
)
def test_what_is_not_a_document(text: str, message: str) -> None:
    assert message_of(text) == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Effect": None}, "Missing required field Effect"),
        ({"Effect": "allow"}, "Invalid effect : allow"),
        ({"Principal": None}, "Missing required field Principal"),
        ({"Principal": {}}, "Invalid policy syntax."),
        ({"Principal": "ann"}, "Invalid policy syntax."),
        ({"Principal": {"AWS": []}}, "Invalid principal in policy"),
        ({"Principal": {"AWS": "arn:aws:iam::ann:user/*"}}, "Invalid principal in policy"),
        ({"Principal": {"AWS": "arn:aws:iam::ann:group/x"}}, "Invalid principal in policy"),
        ({"Principal": {"Who": "x"}}, "Invalid principal in policy: Who"),
        ({"NotPrincipal": "*"}, "Invalid policy syntax."),
        (
            {"Principal": None, "NotPrincipal": {"AWS": "ann"}},
            "Allow with NotPrincipal is not allowed.",
        ),
        ({"Action": None}, "Missing required field Action"),
        ({"Action": "s3:Fetch"}, "Policy has invalid action"),
        ({"Action": "ec2:*"}, "Policy has invalid action"),
        ({"Action": []}, "Policy has invalid action"),
        ({"Action": 1}, "Policy has invalid action"),
        ({"Resource": None}, "Missing required field Resource"),
        ({"Resource": "photos/*"}, "Policy has invalid resource"),
        ({"Resource": "arn:aws:s3:::"}, "Policy has invalid resource"),
        ({"Resource": "arn:aws:s3:::others/*"}, "Policy has invalid resource"),
        ({"Resource": f"{BUCKET_ARN}/${{a b}}"}, "Policy has invalid resource"),
        ({"Resource": BUCKET_ARN}, "Action does not apply to any resource(s) in statement"),
        ({"Action": "s3:ListBucket"}, "Action does not apply to any resource(s) in statement"),
        ({"Sid": 1}, "Invalid policy syntax."),
        ({"Extra": 1}, "Unknown field Extra"),
        ({"Condition": []}, "Invalid policy syntax."),
        ({"Condition": {"StringIs": {}}}, "Invalid Condition type : StringIs"),
        ({"Condition": {"NullIfExists": {}}}, "Invalid Condition type : NullIfExists"),
        ({"Condition": {"Bool": {"SecureTransport": 1}}}, "Policy has an invalid condition key"),
        (
            {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/40"}}},
            "Invalid value in condition",
        ),
        ({"Condition": {"NumericEquals": {"s3:max-keys": "NaN"}}}, "Invalid value in condition"),
        ({"Condition": {"Bool": {"aws:SecureTransport": "yes"}}}, "Invalid value in condition"),
        ({"Condition": {"DateEquals": {"aws:CurrentTime": "soon"}}}, "Invalid value in condition"),
        ({"Condition": {"StringEquals": {"s3:prefix": []}}}, "Invalid policy syntax."),
        ({"Condition": {"StringEquals": {"s3:prefix": {}}}}, "Invalid policy syntax."),
    ],
)
def test_what_is_not_a_statement(fields: dict[str, Any], message: str) -> None:
    assert message_of(document(statement(**fields))) == message


def test_version_sids_and_size() -> None:
    assert "version" in message_of(document(statement(), Version="2020-01-01"))
    twice = document(statement(Sid="a"), statement(Sid="a"))
    assert message_of(twice) == "Statement IDs (SID) in a single policy must be unique."
    large = [statement(Resource=f"{BUCKET_ARN}/{number:0900d}") for number in range(22)]
    assert "maximum allowed size of 20480 bytes" in message_of(document(*large))
    spaced = json.dumps(json.loads(document(statement())), indent=2000)
    assert parse_policy(spaced, Kind.BUCKET, "photos").statements


def test_a_policy_of_an_identity_names_nobody() -> None:
    text = document(statement())
    assert message_of(text, Kind.IDENTITY) == "Policy document should not specify a principal."
    policy = parse_policy(document(statement(Principal=None)), Kind.IDENTITY)
    assert judge(policy) is Verdict.ALLOWED
    assert parse_policy(document(statement(Principal=None, Action="ec2:*")), Kind.IDENTITY)


@pytest.mark.parametrize(
    "resource", ["*", f"{BUCKET_ARN}*", "arn:aws:s3:::*", "arn:aws:s3:::ph?tos/a", BUCKET_ARN + "/"]
)
def test_resources_that_are_the_buckets_own(resource: str) -> None:
    assert bucket_policy(statement(Action="s3:*", Resource=resource))


def test_an_action_is_known_in_any_case_and_a_resource_is_not() -> None:
    policy = bucket_policy(statement(Action="S3:getobject"))
    assert judge(policy) is Verdict.ALLOWED
    assert judge(policy, action="s3:GetObjectAcl") is Verdict.SILENT
    assert judge(policy, resource="arn:aws:s3:::Photos/cat.jpg") is Verdict.SILENT


def test_not_action_and_not_resource() -> None:
    policy = bucket_policy(
        statement(
            Action=None,
            NotAction=["s3:Delete*", "s3:Put*"],
            Resource=None,
            NotResource=f"{BUCKET_ARN}/private/*",
        )
    )
    assert judge(policy) is Verdict.ALLOWED
    assert judge(policy, action="s3:DeleteObject") is Verdict.SILENT
    assert judge(policy, resource=f"{BUCKET_ARN}/private/x") is Verdict.SILENT


@pytest.mark.parametrize(
    ("principal", "ann", "bob", "man", "anonymous"),
    [
        ("*", 2, 2, 2, 2),
        ({"AWS": "*"}, 2, 2, 2, 2),
        ({"AWS": ["arn:aws:iam::bob:root"]}, 0, 2, 1, 0),
        ({"AWS": "bob"}, 0, 2, 1, 0),
        ({"AWS": "b" * 64}, 0, 2, 1, 0),
        ({"CanonicalUser": "b" * 64}, 0, 2, 1, 0),
        ({"AWS": "arn:aws:iam:::user/" + "b" * 64}, 0, 2, 1, 0),
        ({"AWS": "arn:aws:iam::bob:user/man"}, 0, 0, 2, 0),
        ({"AWS": ["ann", "arn:aws:iam::bob:user/man"]}, 2, 0, 2, 0),
        ({"Service": "logging.s3.amazonaws.com"}, 0, 0, 0, 0),
    ],
)
def test_whom_a_statement_names(
    principal: object, ann: int, bob: int, man: int, anonymous: int
) -> None:
    policy = bucket_policy(statement(Principal=principal))
    found = [judge(policy, caller) for caller in (ANN, BOB, BOBS_MAN, ANONYMOUS)]
    assert found == [ann, bob, man, anonymous]


def test_an_account_that_is_called_like_anothers_canonical_id_is_not_that_one() -> None:
    policy = bucket_policy(statement(Principal={"AWS": "b" * 64}))
    impostor = BOB._replace(account="b" * 64, canonical_id="c" * 64)
    assert judge(policy, impostor) is Verdict.SILENT


def test_a_denial_spares_only_who_is_named_directly() -> None:
    others = {"AWS": ["arn:aws:iam::bob:root", "arn:aws:iam::bob:user/bob"]}
    policy = bucket_policy(statement("Deny", Principal=None, NotPrincipal=others))
    assert judge(policy, BOB) is Verdict.SILENT
    assert judge(policy, BOBS_MAN) is Verdict.DENIED
    assert judge(policy, ANN) is Verdict.DENIED
    assert judge(policy, ANONYMOUS) is Verdict.DENIED


def test_a_denial_of_an_account_is_one_of_all_its_users() -> None:
    policy = bucket_policy(statement("Deny", Principal={"AWS": "bob"}))
    assert judge(policy, BOBS_MAN) is Verdict.DENIED


def test_variables_stand_for_what_the_request_says() -> None:
    home = f"{BUCKET_ARN}/home/${{aws:username}}/*"
    policy = bucket_policy(statement(Resource=home))
    assert policy.keys == {"aws:username"}
    assert judge(policy, resource=f"{BUCKET_ARN}/home/ann/x", aws__username="ann") == 2
    assert judge(policy, resource=f"{BUCKET_ARN}/home/bob/x", aws__username="ann") == 0
    assert judge(policy, resource=f"{BUCKET_ARN}/home/bob/x", aws__username="*") == 0
    assert judge(policy, resource=f"{BUCKET_ARN}/home//x") == 0
    old = bucket_policy(statement(Resource=home), Version="2008-10-17")
    assert judge(old, resource=f"{BUCKET_ARN}/home/ann/x", aws__username="ann") == 0
    assert judge(old, resource=f"{BUCKET_ARN}/home/${{aws:username}}/x") == 2


FIELDS = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Principal": st.sampled_from(["*", {"AWS": "ann"}, {"AWS": "arn:aws:iam::bob:user/man"}]),
        "Action": st.sampled_from(["s3:*", "s3:Get*", "s3:GetObject", "s3:PutObject"]),
        "Resource": st.sampled_from(["*", f"{BUCKET_ARN}/*", f"{BUCKET_ARN}/c*"]),
        "Condition": st.sampled_from([{}, {"Bool": {"aws:SecureTransport": True}}]),
    }
)
CALLERS = st.sampled_from([ANN, BOB, BOBS_MAN, ANONYMOUS])


@given(st.lists(FIELDS, min_size=1, max_size=4), CALLERS, st.sampled_from(["true", "false"]))
def test_denial_wins_and_order_means_nothing(statements: Any, caller: Any, secure: str) -> None:
    policy = bucket_policy(*statements)
    question = Question(
        caller, "s3:GetObject", f"{BUCKET_ARN}/cat", {"aws:securetransport": [secure]}
    )
    verdicts = [bucket_policy(one).judge(question) for one in statements]
    expected = Verdict.DENIED if Verdict.DENIED in verdicts else max(verdicts)
    assert policy.judge(question) is expected
    for order in list(permutations(statements))[:6]:
        assert bucket_policy(*order).judge(question) is expected


@given(st.text(max_size=60))
def test_any_text_is_a_policy_or_an_error(text: str) -> None:
    for whole in (text, "{" + text, document(statement(Action=text, Sid=text))):
        try:
            parse_policy(whole, Kind.BUCKET, "photos")
        except PolicyError:
            pass
