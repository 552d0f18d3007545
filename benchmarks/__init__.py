"""What Lineup costs, measured beside plain sqlite3, celery and a bare route in the same run."""
