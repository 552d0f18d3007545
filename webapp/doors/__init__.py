"""What pages and JSON do alike: read what is sent, ask for what is wished, answer with a file."""
