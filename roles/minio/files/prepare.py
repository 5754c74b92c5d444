"""Prepares the object store: a bucket, how long objects live, an access key for each component.

What is there already is set again to the same, so that it can be run at any time. A key reaches the
objects below its own prefix and nothing else, and writes those of them that it is given. Settings
come from the environment:

- ``S3_ENDPOINT``, ``S3_BUCKET``, ``S3_REGION``
- ``KEYS``: JSON, access key to its `prefix`, and `adds`: where it adds, if it may not write all
- ``EXPIRY``: JSON, prefix to days
- ``SECRETS``: directory with ``root-user``, ``root-password`` and the secret of each access key
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from minio import Minio, MinioAdmin, S3Error
from minio.commonconfig import ENABLED, Filter
from minio.credentials import StaticProvider
from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule
from urllib3.exceptions import HTTPError

STARTING_SECONDS = 200
"""For which the object store may be starting, or replaced by one with another root password."""


READING = ["s3:GetObject"]
ADDING = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
WRITING = [*ADDING, "s3:DeleteObject"]


def policy(bucket: str, prefix: str, adds: list[str] | None = None) -> dict[str, Any]:
    """Return what may be done with the objects below the prefix, and nothing else.

    All of them are read. With `adds`, objects are added below these prefixes and none is removed;
    without, all is written.
    """

    def below(*prefixes: str) -> list[str]:
        return [f"arn:aws:s3:::{bucket}/{each}/*" for each in prefixes]

    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:ListBucket"],
                "Resource": [f"arn:aws:s3:::{bucket}"],
                "Condition": {"StringLike": {"s3:prefix": [prefix, f"{prefix}/*"]}},
            },
            {
                "Effect": "Allow",
                "Action": ["s3:GetBucketLocation"],
                "Resource": [f"arn:aws:s3:::{bucket}"],
            },
            {"Effect": "Allow", "Action": READING, "Resource": below(prefix)},
            {
                "Effect": "Allow",
                "Action": WRITING if adds is None else ADDING,
                "Resource": below(*([prefix] if adds is None else adds)),
            },
        ],
    }


def has_bucket(store: Minio, bucket: str) -> bool:
    """Ask for the bucket, until the object store answers."""
    deadline = time.monotonic() + STARTING_SECONDS
    while True:
        try:
            return store.bucket_exists(bucket)
        except (HTTPError, S3Error):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def main() -> None:
    """Prepare the object store that the environment names."""
    endpoint = urlsplit(os.environ["S3_ENDPOINT"])
    bucket = os.environ["S3_BUCKET"]
    secrets = {
        path.name: path.read_text()
        for path in Path(os.environ["SECRETS"]).iterdir()
        if path.is_file()
    }
    connection = {
        "endpoint": endpoint.netloc,
        "secure": endpoint.scheme == "https",
        "region": os.environ["S3_REGION"],
        "credentials": StaticProvider(secrets["root-user"], secrets["root-password"]),
    }

    store = Minio(**connection)
    if not has_bucket(store, bucket):
        store.make_bucket(bucket)
        print(f"made the bucket {bucket}")
    store.set_bucket_lifecycle(
        bucket,
        LifecycleConfig(
            [
                Rule(
                    ENABLED,
                    rule_id=prefix.strip("/").replace("/", "-"),
                    rule_filter=Filter(prefix=prefix),
                    expiration=Expiration(days=days),
                )
                for prefix, days in json.loads(os.environ["EXPIRY"]).items()
            ]
        ),
    )

    admin = MinioAdmin(**connection)
    for key, reach in json.loads(os.environ["KEYS"]).items():
        admin.policy_add(key, policy=policy(bucket, **reach))
        admin.user_add(key, secrets[key])
        if key not in json.loads(admin.user_info(key)).get("policyName", "").split(","):
            admin.attach_policy([key], user=key)
        print(f"{key} reaches {bucket}/{reach['prefix']}")


if __name__ == "__main__":
    main()
