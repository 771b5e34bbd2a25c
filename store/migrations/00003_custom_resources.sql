-- Resources of types that operators add, and the values that are unique by their schemas.

-- +goose Up

-- The columns are called as those of identity that filters and lists name.
CREATE TABLE resource (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid         uuid NOT NULL UNIQUE,
    type        text COLLATE "C" NOT NULL,
    instance_id bigint NOT NULL REFERENCES provider_instance (id),
    external_id text COLLATE "C",
    attributes  jsonb NOT NULL DEFAULT '{}',
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX resource_external_id ON resource (instance_id, type, external_id);
CREATE INDEX resource_of_type ON resource (instance_id, type, id);
CREATE INDEX resource_updated ON resource (instance_id, type, updated_at, id);
-- Filters by any text of a resource, see customDocument.
CREATE INDEX resource_attributes ON resource USING gin ((lower(attributes::text)::jsonb) jsonb_path_ops) WITH (fastupdate = off);

-- Values of attributes that are unique, of identities (type User or Group) and of other resources. A value is its
-- SHA-256: it may be longer than an index takes.
CREATE TABLE unique_value (
    instance_id bigint NOT NULL,
    type        text COLLATE "C" NOT NULL,
    attribute   text COLLATE "C" NOT NULL,
    digest      bytea NOT NULL,
    uid         uuid NOT NULL,
    PRIMARY KEY (instance_id, type, attribute, digest)
);
CREATE INDEX unique_value_owner ON unique_value (uid);

-- +goose Down
DROP TABLE unique_value, resource;
