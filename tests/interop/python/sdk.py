"""The Python SDK, in the era that it is told: "legacy" for the handshake, a
revision for that one alone, "auto" for the newest that both know."""

import sys
from urllib.parse import parse_qs, urlparse

import anyio
import httpx2
from mcp.client import Client
from mcp.client.auth import OAuthClientProvider, TokenStorage
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata

from person import heard, remember, tell

REDIRECT = "http://127.0.0.1:41954/callback"


class Keeper(TokenStorage):
    """Keeps all that the client learns in memory."""

    tokens = None
    client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client_info):
        self.client = client_info


async def visit(address):
    tell({"visit": address})


async def came_back():
    query = parse_qs(urlparse(await heard()).query)
    return AuthorizationCodeResult(**{name: query[name][0] for name in ("code", "state", "iss")})


async def main(address, era):
    metadata = OAuthClientMetadata(
        client_name="Interoperability",
        redirect_uris=[REDIRECT],
        token_endpoint_auth_method="none",
    )
    auth = OAuthClientProvider(address, metadata, Keeper(), visit, came_back)
    async with httpx2.AsyncClient(auth=auth, timeout=30, trust_env=False) as http:
        transport = streamable_http_client(address, http_client=http)
        async with Client(transport, mode=era) as client:
            tell({"version": client.protocol_version})
            await remember(client)


anyio.run(main, *sys.argv[1:3])
