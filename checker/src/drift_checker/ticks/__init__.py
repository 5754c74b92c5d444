"""One tick of one monitor, step by step."""
