"""What a gallery's owner may set: how its vectors are kept, and how matches become an answer."""
