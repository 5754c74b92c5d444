"""Writes, lists and reads with each access key where it may; is refused elsewhere."""

import io
import sys
from pathlib import Path

from minio import Minio, S3Error

bucket = sys.argv[1]
prefixes = {"checker": "store", "mlflow": "mlflow"}
# Uploaded in several parts.
content = bytes(12 * 2**20)


def connect(key: str, secret: str) -> Minio:
    """Return MinIO as the holder of this access key reaches it."""
    return Minio("minio:9000", key, secret, secure=False)


def answer_to_put(store: Minio, name: str) -> str:
    """Return with which code an object is refused, or that it is not."""
    try:
        store.put_object(bucket, name, io.BytesIO(b"probe"), 5)
    except S3Error as error:
        return error.code
    return "accepted"


def answer_to_remove(store: Minio, name: str) -> str:
    """Return with which code its removal is refused, or that it is not."""
    try:
        store.remove_object(bucket, name)
    except S3Error as error:
        return error.code
    return "accepted"


def put(store: Minio, name: str) -> None:
    """Write an object in parts, and read it again."""
    store.put_object(bucket, name, io.BytesIO(content), len(content), part_size=5 * 2**20)
    folder = name.rpartition("/")[0]
    assert [item.object_name for item in store.list_objects(bucket, f"{folder}/")] == [name]
    with store.get_object(bucket, name) as answer:
        assert answer.read() == content


secrets = {key: Path("/run/secrets/client", key).read_text() for key in (*prefixes, "board")}
for key, prefix in prefixes.items():
    store = connect(key, secrets[key])
    name = f"{prefix}/probe"
    put(store, name)
    store.remove_object(bucket, name)
    for other in {*prefixes.values(), "elsewhere"} - {prefix}:
        assert answer_to_put(store, f"{other}/probe") == "AccessDenied", f"{key} below {other}"
    assert answer_to_put(connect(key, "wrong secret"), name) == "SignatureDoesNotMatch", key

# The board reads what the checker wrote, and adds what is asked of it; it removes nothing.
checker, board = (connect(key, secrets[key]) for key in ("checker", "board"))
for kind in ("acceptances", "mutes", "notes", "pushed"):
    name = f"store/{kind}/flights/probe"
    put(board, name)
    assert answer_to_remove(board, name) == "AccessDenied", name
    checker.remove_object(bucket, name)
result = "store/results/flights/probe"
checker.put_object(bucket, result, io.BytesIO(b"result"), 6)
with board.get_object(bucket, result) as answer:
    assert answer.read() == b"result"
for name in (result, "store/probe", "mlflow/probe", "elsewhere/probe"):
    assert answer_to_put(board, name) == "AccessDenied", name
checker.remove_object(bucket, result)
