"""The production door: the application with its runtime, for any WSGI server.

A Flask command (``flask --app wsgi db upgrade``) imports this too; it gets the application only.
"""

from __future__ import annotations

import gc
import os

from webapp import config, create_app, logs, runtime, schema, vault

settings = config.load()
logs.configure(settings.log_level)
serves = os.environ.get("FLASK_RUN_FROM_CLI") != "true"
if serves:
    vault.refuse_unusable(settings.data)
app = create_app(settings)

if serves:
    schema.prepare(app)
    gc.freeze()  # as webapp/cli/serve.py does
    runtime.start(app)
