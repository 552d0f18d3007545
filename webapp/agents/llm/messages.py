"""What the llm agent says: in the log of a session, and when a task fails."""

from __future__ import annotations

MESSAGES = {
    # Steps
    "llm_began": "Asking %(model)s, by the profile “%(profile)s”.",
    "llm_demonstration": (
        "This is a demonstration: the offline model follows a fixed script and understands "
        "nothing, but its tools and its steps are real."
    ),
    "llm_remembers": "It is told %(messages)s messages of this session's earlier tasks.",
    "llm_forgot": "The oldest %(messages)s messages of this session are left out: too long.",
    "llm_forgot_all": "All %(messages)s messages of this session are left out: too long.",
    "llm_forgot_steps": (
        "Of this session's earlier tasks it is told only what was last asked and answered: "
        "the rest is too long."
    ),
    "llm_forgot_answer": (
        "Of this session's earlier tasks it is told only what was last asked: the rest is too long."
    ),
    "llm_thought": "%(text)s",
    "llm_turn": "%(text)s",
    "llm_asked_tools": "It asks for tools: %(tools)s",
    "llm_call": "%(tool)s %(arguments)s",
    "llm_result": "%(tool)s: %(result)s",
    "llm_tool_failed": "%(tool)s failed: %(result)s",
    "llm_answer_cut": "The answer was cut off: it reached the longest that its profile allows.",
    "llm_retry": "%(why)s Trying again in %(seconds)s s.",
    # Servers of tools
    "llm_server": "The MCP server “%(server)s” offers %(tools)s tools.",
    "llm_server_large": (
        "The MCP server “%(server)s” offers %(tools)s tools; only the first %(most)s are used."
    ),
    "llm_server_replaced": "The task has an MCP server “%(server)s” of its own, which is used.",
    "llm_server_failed": "The MCP server “%(server)s” did not start: %(why)s",
    "llm_server_needed": "The MCP server “%(server)s” did not start, and is required: %(why)s",
    "llm_server_lost": "The MCP server “%(server)s” was lost: %(why)s",
    "llm_server_lost_needed": "The MCP server “%(server)s” was lost, and is required: %(why)s",
    "llm_server_unknown": "There is no active MCP server “%(server)s”; it goes on without it.",
    # Toolkits of Composio
    "llm_toolkit": "The toolkit “%(toolkit)s” offers %(tools)s tools.",
    "llm_toolkit_large": (
        "The toolkit “%(toolkit)s” offers %(tools)s tools; only the first %(most)s are used: "
        "choose those that are needed."
    ),
    "llm_toolkit_failed": "The toolkit “%(toolkit)s” cannot be used: %(why)s",
    "llm_toolkit_unconnected": (
        "The toolkit “%(toolkit)s” has no account yet: connect one in the settings. "
        "It goes on without it."
    ),
    "llm_toolkit_unknown": "No toolkit “%(toolkit)s” is enabled; it goes on without it.",
    "llm_toolkit_no_key": "There is no key for Composio, and its toolkits cannot be used.",
    # Refusals and failures
    "llm_no_input": "An LLM has no input that could end.",
    "llm_no_equipment": "No LLM profile could be used for it.",
    "llm_tool_gave_up": "The tool %(tool)s failed again and again: %(why)s",
    "llm_unusable": "The model answered what cannot be used: %(why)s",
    "llm_too_slow": "The model did not answer within %(seconds)s s.",
}
"""Codes to English text with ``%(name)s`` parameters."""
