"""Where batches come from: HTTP, files below a prefix, SQL, Spark; and the fetch step."""
