"""The agents: what does the work, and the protocol they share."""
