-- The server's tables, as SQLite has them; the twin file has the same for PostgreSQL, and a
-- test holds the two together. Instants are microseconds since 1970 (UTC).
-- No foreign keys: the databases that spread a user's rows over many machines have
-- none. What belongs to a user is deleted by `users::delete`, in one transaction.

-- People with an account, and what their data key is wrapped in.
CREATE TABLE users (
    id            BLOB NOT NULL,
    handle        TEXT NOT NULL,
    name          TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    key_id        TEXT NOT NULL,
    wrapped_key   BLOB NOT NULL,
    version       INTEGER NOT NULL,
    is_admin      INTEGER NOT NULL,
    disabled_at   INTEGER,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (id)
) STRICT;
CREATE UNIQUE INDEX users_handle ON users (handle);
CREATE INDEX users_key ON users (key_id, id);

-- Texts as ciphertext. No two rows of a user have the same revision.
CREATE TABLE memories (
    user_id         BLOB NOT NULL,
    id              BLOB NOT NULL,
    permission      TEXT NOT NULL CHECK (permission IN ('private', 'public')),
    expiration_date INTEGER,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    revision        INTEGER NOT NULL,
    ciphertext      TEXT NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT;
CREATE INDEX memories_newest ON memories (user_id, created_at, id);
CREATE UNIQUE INDEX memories_revision ON memories (user_id, revision);

-- The sealed vectors of a memory's chunks, all in one value.
CREATE TABLE vectors (
    user_id   BLOB NOT NULL,
    memory_id BLOB NOT NULL,
    model     TEXT NOT NULL,
    sealed    BLOB NOT NULL,
    PRIMARY KEY (user_id, memory_id)
) STRICT;

-- What was deleted, for partitions that still hold it.
CREATE TABLE tombstones (
    user_id   BLOB NOT NULL,
    memory_id BLOB NOT NULL,
    revision  INTEGER NOT NULL,
    PRIMARY KEY (user_id, memory_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tombstones_revision ON tombstones (user_id, revision);

-- Browsers that are logged in. The digest is that of the cookie.
CREATE TABLE sessions (
    digest       BLOB NOT NULL,
    user_id      BLOB NOT NULL,
    id           BLOB NOT NULL,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    user_agent   TEXT NOT NULL,
    PRIMARY KEY (digest)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX sessions_user ON sessions (user_id, id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Applications that may ask for access. Redirect addresses: one a line.
CREATE TABLE clients (
    id            BLOB NOT NULL,
    secret_digest BLOB,
    name          TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,
    scopes        TEXT NOT NULL,
    auth_method   TEXT NOT NULL,
    first_party   INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER,
    PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;

-- What a person allowed a client: the root of a family of tokens.
CREATE TABLE grants (
    user_id      BLOB NOT NULL,
    id           BLOB NOT NULL,
    client_id    BLOB NOT NULL,
    scopes       TEXT NOT NULL,
    resource     TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at   INTEGER,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

-- Authorization codes, each good for one exchange.
CREATE TABLE codes (
    digest         BLOB NOT NULL,
    user_id        BLOB NOT NULL,
    grant_id       BLOB NOT NULL,
    client_id      BLOB NOT NULL,
    redirect_uri   TEXT NOT NULL,
    code_challenge TEXT NOT NULL,
    scopes         TEXT NOT NULL,
    resource       TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    used_at        INTEGER,
    PRIMARY KEY (digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX codes_grant ON codes (user_id, grant_id);
CREATE INDEX codes_expiry ON codes (expires_at);

-- Bearer tokens.
CREATE TABLE access_tokens (
    digest     BLOB NOT NULL,
    user_id    BLOB NOT NULL,
    grant_id   BLOB NOT NULL,
    client_id  BLOB NOT NULL,
    scopes     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX access_tokens_grant ON access_tokens (user_id, grant_id);
CREATE INDEX access_tokens_expiry ON access_tokens (expires_at);

-- Refresh tokens. A used one keeps its successors, sealed, for a short while.
CREATE TABLE refresh_tokens (
    digest           BLOB NOT NULL,
    user_id          BLOB NOT NULL,
    grant_id         BLOB NOT NULL,
    client_id        BLOB NOT NULL,
    scopes           TEXT NOT NULL,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    used_at          INTEGER,
    successor_sealed BLOB,
    successor_digest BLOB,
    PRIMARY KEY (digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_grant ON refresh_tokens (user_id, grant_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

-- One for each consent page shown; answered once.
CREATE TABLE consent_tickets (
    digest     BLOB NOT NULL,
    user_id    BLOB NOT NULL,
    request    TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER,
    PRIMARY KEY (digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX consent_tickets_user ON consent_tickets (user_id);
CREATE INDEX consent_tickets_expiry ON consent_tickets (expires_at);

-- Failed guesses by what was guessed at, shared by all nodes.
CREATE TABLE attempts (
    key          TEXT NOT NULL,
    failures     INTEGER NOT NULL,
    window_start INTEGER NOT NULL,
    PRIMARY KEY (key)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_window ON attempts (window_start);
