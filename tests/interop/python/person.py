"""What both scripts share: how a script asks the person who runs it to visit an
address, and how it tells what it found. Lines of JSON: ours on standard output,
the person's on standard input."""

import json
import sys

import anyio

MEMORY = "The ready room's replicator makes Earl Grey tea, hot."
QUESTION = "Which tea does the replicator make?"


def tell(message):
    """Tells something to the person."""
    print(json.dumps(message), flush=True)


async def heard():
    """Waits for the address that the person was sent back to."""
    line = await anyio.to_thread.run_sync(sys.stdin.readline)
    return json.loads(line)["back"]


async def remember(client):
    """Stores a memory, finds it by a question, and tells what came."""
    listed = await client.list_tools()
    stored = await client.call_tool("submit_memory", {"text": MEMORY})
    found = await client.call_tool("query_memory", {"query": QUESTION})
    tools = [tool.name for tool in getattr(listed, "tools", listed)]
    tell({"done": {"tools": tools, "stored": result(stored), "found": result(found)}})


def result(answer):
    """Writes a tool's result as the protocol does."""
    return {"structuredContent": answer.structured_content}
