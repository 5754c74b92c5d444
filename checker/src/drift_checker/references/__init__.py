"""Versions of a monitor's reference: fitted, in force, accepted, rolling."""
