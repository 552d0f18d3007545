"""A tiny preforking server, as gunicorn with --preload: imports wsgi.py, then forks."""

from __future__ import annotations

import os
import signal
import sys

from waitress import serve

from wsgi import app


def main() -> None:
    """Serve the application in one child per port; SIGTERM ends the parent alone."""
    for port in sys.argv[1:]:
        if os.fork() == 0:
            serve(app, host="127.0.0.1", port=int(port), threads=4)
            os._exit(0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.pause()


if __name__ == "__main__":
    main()
