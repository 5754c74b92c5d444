"""Shows what is drifting, since when and how much.

`drift_board.app` is the service, which the command ``drift-board`` serves; `drift_board.client` its
API as Python.
"""
