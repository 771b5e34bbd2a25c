-- What housekeeping needs: where a database comes from, how far its change log is pruned, and tombstones by their age.

-- +goose Up
ALTER TABLE store_epoch
    -- What tells this database from a copy or an earlier state of it; null is not known.
    ADD COLUMN system_id   bigint,
    ADD COLUMN database_id bigint,
    ADD COLUMN table_id    bigint,
    ADD COLUMN timeline    text,
    -- The largest numbers of the changes that were deleted from the change log, and the next transaction when they were.
    ADD COLUMN pruned_seq  bigint NOT NULL DEFAULT 0,
    ADD COLUMN pruned_xid  xid8 NOT NULL DEFAULT '0',
    ADD COLUMN pruned_at   xid8 NOT NULL DEFAULT '0';

CREATE INDEX identity_purge ON identity (updated_at) WHERE status = 'DELETED';

-- +goose Down
DROP INDEX identity_purge;
ALTER TABLE store_epoch DROP COLUMN system_id, DROP COLUMN database_id, DROP COLUMN table_id, DROP COLUMN timeline,
    DROP COLUMN pruned_seq, DROP COLUMN pruned_xid, DROP COLUMN pruned_at;
