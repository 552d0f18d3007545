"""Removes what was deleted and what is old, in pieces that hold up nobody."""
