"""When a schedule fires, and what becomes of each of its due times. Pure.

The rule (webapp/domain/cron) says when; here its start, end and jitter (``due``) and the days it
must not run (``days``) are added. ``firing`` decides, for every due time that has come, between the
``fates`` that there are; ``spans`` counts those of a long outage without walking through them.
"""
