"""A gallery's vectors in Milvus: made, kept, searched, built anew and compared with PostgreSQL."""
