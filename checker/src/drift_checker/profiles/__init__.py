"""Tables of any size as bounded counts."""
