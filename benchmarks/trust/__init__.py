"""Whether the verdicts can be trusted: false alarms and power by simulation."""
