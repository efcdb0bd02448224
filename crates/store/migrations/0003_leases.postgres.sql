-- Work that one node at a time does for all: who has it, and until when.
CREATE TABLE leases (
    name       TEXT NOT NULL,
    holder     UUID NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (name)
);
