-- What the administration of a server asks: people by the beginning of their handle,
-- applications by when they came, grants by application.

-- users.handle is compared by bytes already: that is the collation BINARY.

CREATE INDEX grants_client ON grants (client_id, revoked_at);
CREATE INDEX clients_newest ON clients (created_at, id);
