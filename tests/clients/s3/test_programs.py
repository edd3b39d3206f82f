"""Programs on SDKs for Python: boto3, of today and from before 2025, and MinIO's."""

import ast

import pytest
from bench import PROGRAMS, Bench

pytestmark = pytest.mark.slow
RUNS = {
    "boto3": "boto3_program.py",
    "boto3-2024": "boto3_program.py",
    "minio": "minio_program.py",
    "pyarrow": "pyarrow_program.py",
    "fsspec": "fsspec_program.py",
    "deltalake": "deltalake_program.py",
}


def features_of(program: str) -> list[str]:
    """Return the functions of a program that stand for a feature: those that end with a bucket."""
    tree = ast.parse((PROGRAMS / program).read_text())
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return [one.name for one in functions if [arg.arg for arg in one.args.args][1:] == ["bucket"]]


@pytest.mark.parametrize(
    ("client", "feature"),
    [
        pytest.param(client, feature, marks=pytest.mark.proves(client, feature))
        for client, program in RUNS.items()
        for feature in features_of(program)
    ],
)
def test_program(bench: Bench, client: str, feature: str, bucket: str) -> None:
    bench.run_program(client, RUNS[client], feature, bucket)
