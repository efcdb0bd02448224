CREATE TABLE accounts (
    id BLOB NOT NULL PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    is_superuser INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX accounts_by_age ON accounts (created_at, id);

CREATE TABLE sessions (
    digest BLOB NOT NULL PRIMARY KEY,
    account_id BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    user_agent TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_account ON sessions (account_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE connections (
    account_id BLOB NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    remote_id BLOB NOT NULL,
    remote_handle TEXT NOT NULL,
    remote_name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    sealed_tokens BLOB,
    access_expires_at INTEGER NOT NULL,
    connected_at INTEGER NOT NULL,
    lost_at INTEGER
) STRICT;

CREATE TABLE flows (
    state_digest BLOB NOT NULL PRIMARY KEY,
    session_id BLOB NOT NULL,
    sealed BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX flows_by_end ON flows (expires_at);

CREATE TABLE attempts (
    subject TEXT NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL,
    window_start INTEGER NOT NULL
) STRICT;
