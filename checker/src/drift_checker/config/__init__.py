"""Settings, the monitors file, the alarm budget."""
