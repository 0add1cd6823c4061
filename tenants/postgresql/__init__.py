"""PostgreSQL as the second wall: row-level security by the tenant that is set. docs/adr/0018."""
