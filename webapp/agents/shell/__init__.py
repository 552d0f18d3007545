"""The agent that runs shell commands, with all of their processes under control."""

from webapp.agents.shell.agent import ShellAgent

__all__ = ["ShellAgent"]
