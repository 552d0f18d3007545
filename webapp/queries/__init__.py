"""What pages and the API show. Nothing here writes; the session it uses cannot."""
