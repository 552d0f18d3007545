"""What both doors do with LLM profiles and MCP servers: check what was sent, store it, test it."""
