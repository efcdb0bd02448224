-- Work that one node at a time does for all: who has it, and until when.
CREATE TABLE leases (
    name       TEXT NOT NULL,
    holder     BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (name)
) STRICT, WITHOUT ROWID;
