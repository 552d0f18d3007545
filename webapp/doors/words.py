"""A cron expression read back in words."""

from __future__ import annotations

import functools

from cron_descriptor import Options, get_description  # type: ignore[import-untyped]

_LOCALES = {"en": "en_US", "zh": "zh_CN"}


@functools.lru_cache(maxsize=4_096)
def words(expression: str, language: str = "en") -> str:
    """When it is due, as people say it."""
    options = Options()
    options.use_24hour_time_format = True
    options.locale_code = _LOCALES.get(language[:2], "en_US")
    said = str(get_description(expression, options))
    return said[:1].lower() + said[1:]
