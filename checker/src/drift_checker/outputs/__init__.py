"""What leaves the checker: MLflow runs, notifications, status."""
