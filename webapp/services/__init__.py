"""The verbs of Lineup: one function, one transaction, plain values in and out."""
