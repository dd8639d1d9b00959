"""Jobs of Procrastinate, in its own tables of the PostgreSQL database."""
