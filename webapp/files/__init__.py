"""Files of a session on disk: what comes in, how one is opened, what there is, what is a report."""
