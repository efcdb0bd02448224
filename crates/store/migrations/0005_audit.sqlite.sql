-- What was done in a person's name or to their account, when, and through what: never
-- what a memory says or what was asked. What only reads is counted by the window:
-- `at` is the first of `times`, `last_at` the last.
CREATE TABLE audit (
    user_id      BLOB NOT NULL,
    id           BLOB NOT NULL,
    act          TEXT NOT NULL,
    surface      TEXT NOT NULL,
    at           INTEGER NOT NULL,
    last_at      INTEGER NOT NULL,
    times        INTEGER NOT NULL,
    client_id    BLOB,
    client_name  TEXT,
    tool         TEXT,
    memories     INTEGER,
    memory_id    BLOB,
    actor_id     BLOB,
    actor_name   TEXT,
    subject_id   BLOB,
    subject_name TEXT,
    browser      TEXT,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_recent ON audit (user_id, last_at, id);
CREATE INDEX audit_age ON audit (at);
