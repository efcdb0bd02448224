-- What was done in a person's name or to their account, when, and through what: never
-- what a memory says or what was asked. What only reads is counted by the window:
-- `at` is the first of `times`, `last_at` the last.
CREATE TABLE audit (
    user_id      UUID NOT NULL,
    id           UUID NOT NULL,
    act          TEXT NOT NULL,
    surface      TEXT NOT NULL,
    at           BIGINT NOT NULL,
    last_at      BIGINT NOT NULL,
    times        BIGINT NOT NULL,
    client_id    UUID,
    client_name  TEXT,
    tool         TEXT,
    memories     BIGINT,
    memory_id    UUID,
    actor_id     UUID,
    actor_name   TEXT,
    subject_id   UUID,
    subject_name TEXT,
    browser      TEXT,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX audit_recent ON audit (user_id, last_at, id);
CREATE INDEX audit_age ON audit (at);
