"""A check of one monitor at one tick, as an operator of Airflow: as a process, or as a pod."""
