"""Backup and restore: one archive of the database, output, workspaces and keys, with its sums."""
