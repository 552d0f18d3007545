"""Schedules fire: the walk of a due time from the clock to its task and its line in the ledger.

``rounds`` finds what is due, decides by the pure rules (webapp/domain/schedules) and hands it on
by the batch; ``writing`` writes a batch in one transaction: tasks, fates, and the next due times,
if nobody else was faster. ``holding`` locks what that needs, ``circumstances`` says what may stand
in the way, ``ledger`` keeps the fates, ``long_freezes`` folds those of a long freeze. ``unusable``
switches off what can never fire, and ``realigning`` takes back what a clock that ran ahead said.
"""
