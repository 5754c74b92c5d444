"""Bytes and files as Arrow columns of known kinds."""
