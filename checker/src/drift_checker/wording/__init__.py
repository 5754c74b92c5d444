"""A result in words, as text, table and page."""
