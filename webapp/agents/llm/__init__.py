"""The llm agent: a model with tools, step by step. What is heavy is imported when it is used."""

from webapp.agents.llm.agent import LlmAgent

__all__ = ["LlmAgent"]
