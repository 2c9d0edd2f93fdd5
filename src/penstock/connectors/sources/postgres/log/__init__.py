"""PostgreSQL's change log: pgoutput messages over the replication protocol, decoded by column."""
