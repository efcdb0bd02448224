CREATE TABLE accounts (
    id UUID NOT NULL PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    is_superuser BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX accounts_by_age ON accounts (created_at, id);

CREATE TABLE sessions (
    digest BYTEA NOT NULL PRIMARY KEY,
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    id UUID NOT NULL,
    user_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_account ON sessions (account_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE connections (
    account_id UUID NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    id UUID NOT NULL,
    remote_id UUID NOT NULL,
    remote_handle TEXT NOT NULL,
    remote_name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    sealed_tokens BYTEA,
    access_expires_at BIGINT NOT NULL,
    connected_at BIGINT NOT NULL,
    lost_at BIGINT
);

CREATE TABLE flows (
    state_digest BYTEA NOT NULL PRIMARY KEY,
    session_id UUID NOT NULL,
    sealed BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX flows_by_end ON flows (expires_at);

CREATE TABLE attempts (
    subject TEXT NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    window_start BIGINT NOT NULL
);
