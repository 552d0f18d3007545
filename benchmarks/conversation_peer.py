"""pydantic-ai by itself: ``python -m benchmarks.conversation_peer URL``, a line of input a round.

The same requests, tools, instructions and streaming as a task of Lineup's, with nothing written
down or told. Prints how many seconds each round took.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.usage import UsageLimits

from webapp.agents.llm.prompts import ABOUT
from webapp.agents.llm.workspace import Workspace


async def converse(url: str) -> float:
    """Seconds that one conversation took."""
    model = OpenAIChatModel("tiny-1", provider=OpenAIProvider(base_url=url, api_key="none"))
    files = Workspace(Path(tempfile.mkdtemp()))
    tools = [files.list_files, files.read_file, files.write_file, files.search_files]
    agent: Agent[Any, str] = Agent(model, tools=tools, instructions=ABOUT)
    began = time.perf_counter()
    async with agent, agent.iter("Go.", usage_limits=UsageLimits(request_limit=None)) as run:
        async for node in run:
            if Agent.is_model_request_node(node):
                async with node.stream(run.ctx) as stream:
                    async for _ in stream:
                        pass
    return time.perf_counter() - began


def main() -> None:
    """Warm up once, then say how long each round took, when asked for it by a line."""
    url = sys.argv[1]
    for _ in sys.stdin:
        print(asyncio.run(converse(url)), flush=True)


main()
