-- Synchronization: runs and what they failed at, plans that wait for a decision, and links to who is not there yet.

-- +goose Up
ALTER TABLE identity
    -- What the source told when the identity was written last, as a digest; null where that is not known.
    ADD COLUMN digest uuid;

ALTER TABLE provider_instance
    -- What the next differential round begins with; null: the next round is a full one.
    ADD COLUMN sync_state    bytea,
    ADD COLUMN last_full_at  timestamptz, -- when the last full round was applied
    -- Counts what was written to the instance's identities, so that a plan can tell whether it still holds.
    ADD COLUMN sync_writes   bigint NOT NULL DEFAULT 0,
    -- Runs that failed since the last that did not.
    ADD COLUMN sync_failures int NOT NULL DEFAULT 0,
    -- QUARANTINED or NEEDS_CONSENT with its reason, else null.
    ADD COLUMN hold          text,
    ADD COLUMN hold_reason   text;
CREATE INDEX provider_instance_due ON provider_instance (next_run_at) WHERE next_run_at IS NOT NULL AND deleted_at IS NULL;

CREATE TABLE sync_run (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid            uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    instance_id    bigint NOT NULL REFERENCES provider_instance (id),
    mode           text NOT NULL,
    status         text NOT NULL DEFAULT 'QUEUED',
    dry_run        boolean NOT NULL DEFAULT false,
    skip_deleted   boolean NOT NULL DEFAULT false,
    scheduled      boolean NOT NULL DEFAULT false,
    requested_at   timestamptz NOT NULL DEFAULT now(),
    started_at     timestamptz,
    ended_at       timestamptz,
    reason         text,
    -- The plan that was approved before the run; and the plan of the run, where it waits or was a rehearsal.
    approved_hash  text,
    plan_hash      text,
    plan_writes    bigint,

    not_before     timestamptz,

    -- Where it stands.
    phase          text NOT NULL DEFAULT 'read',
    pages          bigint NOT NULL DEFAULT 0,
    full_round     boolean,
    from_state     bytea,
    resume         bytea,
    end_state      bytea,
    taken_back     boolean NOT NULL DEFAULT false, -- a link was told to be gone
    again_full     boolean NOT NULL DEFAULT false, -- the next round has to be a full one

    identity_count bigint NOT NULL DEFAULT 0,
    link_count     bigint NOT NULL DEFAULT 0,
    property_count bigint NOT NULL DEFAULT 0,
    created        bigint NOT NULL DEFAULT 0,
    updated        bigint NOT NULL DEFAULT 0,
    disabled       bigint NOT NULL DEFAULT 0,
    deleted        bigint NOT NULL DEFAULT 0,
    linked         bigint NOT NULL DEFAULT 0,
    unlinked       bigint NOT NULL DEFAULT 0,
    skipped        bigint NOT NULL DEFAULT 0,
    failed         bigint NOT NULL DEFAULT 0
);
-- At most one run of an instance is under way (rule R21).
CREATE UNIQUE INDEX sync_run_live ON sync_run (instance_id) WHERE status IN ('QUEUED', 'SYNCHRONIZING');
CREATE INDEX sync_run_instance ON sync_run (instance_id, id);
CREATE INDEX sync_run_waiting ON sync_run (instance_id) WHERE status = 'QUARANTINED';

-- Who works on a run, and until when nobody else may. The fence is another one each time that a run is taken up. It is
-- a part of a key, so that a write of the run, which holds a share of the key, keeps others from taking the run up, and
-- does not keep the lease from being renewed.
CREATE SEQUENCE sync_fence;
CREATE TABLE sync_lease (
    run_id    bigint PRIMARY KEY REFERENCES sync_run (id) ON DELETE CASCADE,
    fence     bigint NOT NULL UNIQUE,
    owner     text NOT NULL,
    until     timestamptz NOT NULL,
    cancelled boolean NOT NULL DEFAULT false
);

CREATE TABLE sync_failure (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id      bigint NOT NULL REFERENCES sync_run (id) ON DELETE CASCADE,
    external_id text NOT NULL,
    fqn         text,
    code        text NOT NULL,
    message     text NOT NULL
);
CREATE INDEX sync_failure_run ON sync_failure (run_id, id);
-- A run that is resumed meets the same failures again.
CREATE UNIQUE INDEX sync_failure_once ON sync_failure (run_id, external_id, code, md5(message));

CREATE TABLE sync_plan (
    run_id bigint NOT NULL REFERENCES sync_run (id) ON DELETE CASCADE,
    n      bigint NOT NULL,
    action text NOT NULL,
    fqn    text NOT NULL,
    detail text,
    PRIMARY KEY (run_id, n)
);

-- A link of owner_id, a group (member) or a user (manager), to an identity that is not there yet: of the instance
-- itself where target is null, else of the provider with that folded label; by its external id, else by its folded name.
CREATE TABLE pending_link (
    owner_id    bigint NOT NULL,
    kind        link_kind NOT NULL,
    instance_id bigint NOT NULL,
    target      text COLLATE "C" NOT NULL DEFAULT '',
    ref_kind    text NOT NULL DEFAULT '',
    ref_key     text COLLATE "C" NOT NULL DEFAULT '',
    ref_name    text COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (owner_id, kind, target, ref_key, ref_name, ref_kind)
);
CREATE INDEX pending_link_instance ON pending_link (instance_id);
CREATE INDEX pending_link_target ON pending_link (target) WHERE target <> '';

-- Who was removed softly before Roster knew them. Where they return, nobody tells what they are members of.
CREATE TABLE sync_unseen (
    instance_id bigint NOT NULL,
    kind        text NOT NULL,
    key         text COLLATE "C" NOT NULL,
    PRIMARY KEY (instance_id, kind, key)
);

-- +goose Down
DROP TABLE sync_unseen, pending_link, sync_plan, sync_failure, sync_lease, sync_run;
DROP SEQUENCE sync_fence;
ALTER TABLE provider_instance DROP COLUMN sync_state, DROP COLUMN last_full_at, DROP COLUMN sync_writes, DROP COLUMN sync_failures, DROP COLUMN hold, DROP COLUMN hold_reason;
ALTER TABLE identity DROP COLUMN digest;
