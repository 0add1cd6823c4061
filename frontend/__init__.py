"""The console, server-rendered: its place. Until it comes, the web server's root leads to the API docs."""
