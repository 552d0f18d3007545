"""Profiles: the models that agents ask, and the servers whose tools they use."""
