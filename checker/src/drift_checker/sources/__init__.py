"""Where batches come from: HTTP, files, S3, SQL, Spark; and the fetch step, which stores them.

Files that are read where they lie (`files`, `folders`, `spark`) are imported by the name of their
module: Arrow's datasets and PySpark take long, and few monitors need them.
"""

from drift_checker.sources.fetch import (
    BatchMeta,
    StoredBatch,
    fetch_batch,
    load_batch,
    truth_of,
)
from drift_checker.sources.http import read_url
from drift_checker.sources.kinds import request_batch, request_reference
from drift_checker.sources.responses import BytesResponse, RejectedResponseError

__all__ = [
    "BatchMeta",
    "BytesResponse",
    "RejectedResponseError",
    "StoredBatch",
    "fetch_batch",
    "load_batch",
    "read_url",
    "request_batch",
    "request_reference",
    "truth_of",
]
