-- Clients that register themselves (RFC 7591) and clients that are known by a
-- document under an https URL. The table is made anew, because neither database adds a
-- column that must have a value without a default.

-- Applications that may ask for access.
-- How each became known: 'operator', 'dynamic' (it registered itself) or 'document'.
-- Redirect addresses: one a line.
CREATE TABLE clients_2 (
    id                   BLOB NOT NULL,
    registered           TEXT NOT NULL CHECK (registered IN ('operator', 'dynamic', 'document')),
    secret_digest        BLOB,
    name                 TEXT NOT NULL,
    redirect_uris        TEXT NOT NULL,
    scopes               TEXT NOT NULL,
    auth_method          TEXT NOT NULL,
    application_type     TEXT NOT NULL CHECK (application_type IN ('web', 'native')),
    client_uri           TEXT,
    jwks                 TEXT,
    jwks_uri             TEXT,
    jwks_fetched_at      INTEGER,
    metadata_digest      BLOB,
    metadata_url         TEXT,
    document_fetched_at  INTEGER,
    document_fresh_until INTEGER,
    document_etag        TEXT,
    created_at           INTEGER NOT NULL,
    last_used_at         INTEGER,
    PRIMARY KEY (id)
) STRICT;

INSERT INTO clients_2 (id, registered, secret_digest, name, redirect_uris, scopes, auth_method,
                       application_type, created_at, last_used_at)
SELECT id, 'operator', secret_digest, name, redirect_uris, scopes, auth_method,
       'web', created_at, last_used_at
FROM clients;

DROP TABLE clients;
ALTER TABLE clients_2 RENAME TO clients;
CREATE UNIQUE INDEX clients_metadata ON clients (metadata_digest);
CREATE UNIQUE INDEX clients_document ON clients (metadata_url);
CREATE INDEX clients_unused ON clients (last_used_at, created_at);

-- Assertions of private_key_jwt that were used, so that none is used twice.
CREATE TABLE client_assertions (
    digest     BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_assertions_expiry ON client_assertions (expires_at);
