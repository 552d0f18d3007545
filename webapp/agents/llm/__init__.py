"""The agent that has a language model at work; what is heavy in here is imported late."""
