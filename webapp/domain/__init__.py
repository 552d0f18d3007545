"""The rules of Lineup: pure values and functions that know no database, clock or web."""
