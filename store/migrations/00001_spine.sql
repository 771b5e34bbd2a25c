-- The spine: who there is, who is linked to whom, who may ask, and what changed.

-- +goose Up

-- One row: the life of this store. A restored or failed-over store gets a new epoch, which expires older revisions.
CREATE TABLE store_epoch (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch    uuid NOT NULL
);
INSERT INTO store_epoch (epoch) VALUES (gen_random_uuid());

CREATE TABLE provider (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid        uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    name       text NOT NULL,
    name_key   text COLLATE "C" NOT NULL,
    type       text NOT NULL,
    enabled    boolean NOT NULL DEFAULT true,
    built_in   boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
CREATE UNIQUE INDEX provider_name ON provider (name_key) WHERE deleted_at IS NULL;

CREATE TABLE provider_instance (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid             uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    provider_id     bigint NOT NULL REFERENCES provider (id),
    name            text NOT NULL,
    name_key        text COLLATE "C" NOT NULL,
    enabled         boolean NOT NULL DEFAULT true,
    duplicate_names text NOT NULL DEFAULT 'KEEP_SEPARATE',
    renames         text NOT NULL DEFAULT 'FOLLOW',
    url_token       text NOT NULL,
    sync_schedule   bigint, -- seconds between runs
    next_run_at     timestamptz,
    last_synced_at  timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    deleted_at      timestamptz
);
CREATE UNIQUE INDEX provider_instance_name ON provider_instance (provider_id, name_key) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX provider_instance_url_token ON provider_instance (url_token);

-- A secret's value is null and its encrypted form stands in sealed.
CREATE TABLE runtime_config (
    instance_id bigint NOT NULL REFERENCES provider_instance (id),
    key         text COLLATE "C" NOT NULL,
    value       text,
    sealed      bytea,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    updated_by  text NOT NULL,
    PRIMARY KEY (instance_id, key),
    CHECK ((value IS NULL) <> (sealed IS NULL))
);

-- Users, groups and roles. The *_key columns are case-folded in the program; plain_key is the key of the FQN that the
-- identity would have if nobody else held it.
CREATE TABLE identity (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid           uuid NOT NULL UNIQUE,
    kind          text NOT NULL CHECK (kind IN ('USER', 'GROUP', 'ROLE')),
    instance_id   bigint NOT NULL REFERENCES provider_instance (id),
    external_id   text COLLATE "C",
    name          text NOT NULL,
    name_key      text COLLATE "C" NOT NULL,
    fqn           text NOT NULL,
    fqn_key       text COLLATE "C" NOT NULL,
    plain_key     text COLLATE "C" NOT NULL,
    display_name  text NOT NULL,
    display_key   text COLLATE "C" NOT NULL,
    description   text,
    email         text,
    email_key     text COLLATE "C",
    status        text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'DISABLED', 'DELETED')),
    status_reason text,
    merged_into   bigint,
    attributes    jsonb NOT NULL DEFAULT '{}',
    words         tsvector NOT NULL DEFAULT '',
    version       bigint NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    named_at      timestamptz NOT NULL DEFAULT now(), -- when the identity came to its FQN
    synced_at     timestamptz
);
-- Uniqueness among the living. The indexes of names come first, so that a clash is reported as one of names.
CREATE UNIQUE INDEX identity_user_name ON identity (instance_id, name_key) WHERE kind = 'USER' AND status <> 'DELETED';
CREATE UNIQUE INDEX identity_role_name ON identity (name_key) WHERE kind = 'ROLE' AND status <> 'DELETED';
CREATE UNIQUE INDEX identity_external_id ON identity (instance_id, kind, external_id) WHERE status <> 'DELETED';
CREATE UNIQUE INDEX identity_fqn ON identity (fqn_key) WHERE status <> 'DELETED';
CREATE INDEX identity_tombstone ON identity (fqn_key, id DESC) WHERE status = 'DELETED';
CREATE INDEX identity_distinguished ON identity (plain_key) WHERE plain_key <> fqn_key AND status <> 'DELETED';
CREATE INDEX identity_merged ON identity (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX identity_name ON identity (name_key, id);
CREATE INDEX identity_display_name ON identity (display_key, id);
CREATE INDEX identity_email ON identity (email_key) WHERE email_key IS NOT NULL;
CREATE INDEX identity_updated ON identity (updated_at, id);
CREATE INDEX identity_words ON identity USING gin (words);

-- Former FQNs that still resolve. A new live name retires an equal alias.
CREATE TABLE alias (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    identity_id bigint NOT NULL,
    fqn         text NOT NULL,
    fqn_key     text COLLATE "C" NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    retired_at  timestamptz,
    retired_by  bigint
);
CREATE UNIQUE INDEX alias_live ON alias (fqn_key) WHERE retired_at IS NULL;
CREATE INDEX alias_identity ON alias (identity_id);
CREATE INDEX alias_retired ON alias (fqn_key, id) WHERE retired_at IS NOT NULL;

-- An edge from a container to a member, or from a manager (container_id) to a report (member_id). There is no foreign
-- key: writers lock both ends themselves, a whole batch at a time.
CREATE TYPE link_kind AS ENUM ('member', 'manager');
CREATE TABLE link (
    container_id bigint NOT NULL,
    kind         link_kind NOT NULL,
    member_id    bigint NOT NULL,
    PRIMARY KEY (container_id, kind, member_id)
);
CREATE INDEX link_member ON link (member_id, kind, container_id);
CREATE UNIQUE INDEX link_one_manager ON link (member_id) WHERE kind = 'manager';

-- What changed, at most 1,000 ids a row, written after the rows that it names were locked.
CREATE TABLE change_log (
    seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid          xid8 NOT NULL DEFAULT pg_current_xact_id(),
    kind         text NOT NULL,
    container_id bigint,
    ids          bigint[] NOT NULL,
    at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX change_log_xid ON change_log (xid, seq);

-- A token's secret is kept as its SHA-256 only.
CREATE TABLE access_token (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid          uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    name         text NOT NULL,
    hash         bytea NOT NULL,
    scopes       text[] NOT NULL,
    instance_id  bigint REFERENCES provider_instance (id),
    expires_at   timestamptz,
    last_used_at timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    revoked_at   timestamptz
);
CREATE UNIQUE INDEX access_token_hash ON access_token (hash);

CREATE TABLE audit (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    actor      text NOT NULL,
    token      text NOT NULL DEFAULT '',
    door       text NOT NULL,
    request_id text NOT NULL DEFAULT '',
    action     text NOT NULL,
    target     text NOT NULL DEFAULT '',
    detail     jsonb
);

-- +goose Down
DROP TABLE audit, access_token, change_log, link, alias, identity, runtime_config, provider_instance, provider, store_epoch;
DROP TYPE link_kind;
