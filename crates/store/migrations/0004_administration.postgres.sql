-- What the administration of a server asks: people by the beginning of their handle,
-- applications by when they came, grants by application.

-- Bytes decide the order, whatever the collation of the database: so the beginning of a
-- handle is a range of its index.
ALTER TABLE users ALTER COLUMN handle TYPE TEXT COLLATE "C";

CREATE INDEX grants_client ON grants (client_id, revoked_at);
CREATE INDEX clients_newest ON clients (created_at, id);
