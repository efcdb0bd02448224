"""FastMCP's client, in the era that it is told: "legacy" or "auto". It opens a
browser and listens for it on a port of its own; all that is replaced is the
browser."""

import sys
import webbrowser

import anyio
from fastmcp import Client
from fastmcp.client.auth import OAuth

from person import remember, tell


def open_browser(address, *_, **__):
    tell({"visit": address})
    return True


webbrowser.open = open_browser


async def main(address, era):
    auth = OAuth(client_name="Interoperability")
    async with Client(address, auth=auth, mode=era) as client:
        tell({"version": client.protocol_version})
        await remember(client)


anyio.run(main, *sys.argv[1:3])
