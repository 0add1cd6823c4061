"""Pages for people: signing in, and the console."""
