"""People are told: the walk of a notice from the end of a run to somebody's phone.

``aftermath`` counts what ended or was missed and says what is to be told, in the transaction of the
event itself; ``outbox`` writes it down for each of the ``channels`` that wants it; ``deliveries``
hands it to the courier, tries again, and gives up. ``attention`` is what a person has seen.
"""
