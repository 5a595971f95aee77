"""The MCP server: tools by which an agent reads a workspace and, where it is allowed, changes it, all by the API."""
