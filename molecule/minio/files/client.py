"""Writes, lists and reads with each access key below its prefix; is refused elsewhere."""

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


for key, prefix in prefixes.items():
    store = connect(key, Path("/run/secrets/client", key).read_text())
    name = f"{prefix}/probe"
    store.put_object(bucket, name, io.BytesIO(content), len(content), part_size=5 * 2**20)
    assert [item.object_name for item in store.list_objects(bucket, f"{prefix}/")] == [name]
    with store.get_object(bucket, name) as answer:
        assert answer.read() == content
    store.remove_object(bucket, name)
    for other in {*prefixes.values(), "elsewhere"} - {prefix}:
        assert answer_to_put(store, f"{other}/probe") == "AccessDenied", f"{key} below {other}"
    assert answer_to_put(connect(key, "wrong secret"), name) == "SignatureDoesNotMatch", key
