"""The object store and what lies where in it."""
