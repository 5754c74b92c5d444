"""Operators that run the parts of the stack, a check above all: as a process, or as a pod."""
