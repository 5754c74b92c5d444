"""A reference and a batch compared: faults, columns, joint, windows, sequential, segments."""
