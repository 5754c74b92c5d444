"""Shows what is drifting, since when and how much: see `create_app` and `drift-board`."""
