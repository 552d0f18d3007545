"""What is said of backups and of restoring one."""

from __future__ import annotations

from webapp.domain.messages.marking import N_

BACKUP = {
    # Backup and restore
    "backup_no_database": N_("There is no SQLite database at %(path)s to save."),
    "backup_no_place": N_("There is no directory %(path)s."),
    "backup_exists": N_("%(path)s is there already; a backup replaces nothing."),
    "backup_disk_full": N_("There is not enough space in %(path)s: %(reason)s. Nothing is left."),
    "backup_failed": N_("The backup failed: %(reason)s. Nothing is left of it."),
    "backup_no_file": N_("There is no file %(path)s."),
    "backup_not_ours": N_("This is no backup of Lineup, or one of a later format."),
    "backup_damaged": N_("The backup is damaged: %(reason)s."),
    "backup_bad_member": N_("The archive holds %(name)s, which no backup does: %(reason)s."),
    "backup_newer": N_(
        "The backup was made by Lineup %(lineup)s with schema %(at)s; "
        "this one knows schemas up to %(wanted)s only."
    ),
    "postgresql_no_program": N_(
        "%(program)s of PostgreSQL %(version)s or newer is needed, on the PATH or below "
        "/usr/lib/postgresql. Install it (Debian: sudo apt install postgresql-client-%(version)s)."
    ),
    "restore_elsewhere": N_(
        "LINEUP_DATABASE_URL names a file: a restored database lies in the data directory. "
        "Unset it."
    ),
    "restore_of_sqlite": N_(
        "The backup is of a SQLite database: unset LINEUP_DATABASE_URL to restore it to a file."
    ),
    "restore_of_postgresql": N_(
        "The backup is of a PostgreSQL database: name an empty one in LINEUP_DATABASE_URL."
    ),
    "restore_other_schema": N_(
        "The backup's tables lie in the schema %(there)s, those of this database in %(here)s."
    ),
    "restore_not_empty_database": N_(
        "The database is not empty: there are tables in its schema %(schema)s. Choose another "
        "database, or --replace to move them aside."
    ),
    "restore_failed_database": N_(
        "The database was not restored: %(reason)s. Nothing in it was changed."
    ),
    "restore_in_use": N_("A server runs on %(path)s (process %(pid)s on %(host)s). Stop it first."),
    "restore_not_empty": N_(
        "%(path)s is not empty. Choose another directory, or --replace to move aside what is there."
    ),
    "restore_failed": N_("%(path)s was not restored: %(reason)s. Nothing in it was changed."),
    "restore_busy": N_("Somebody else is restoring to %(path)s just now."),
    "retention_busy": N_("Another process is removing things just now. Try again later."),
}
