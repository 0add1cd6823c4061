"""Reference photos: their files, and their way into the index and out of it."""
