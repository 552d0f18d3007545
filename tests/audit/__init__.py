"""Long proofs that the suite runs in a short form: ``make audit``."""
