-- The audit trail: append-only, sealed by a chain of hashes, and found by what auditors ask for.

-- +goose Up
ALTER TABLE audit
    -- The transaction that wrote the row, by which the sealer finds it once that has committed.
    ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX audit_xid ON audit (xid);
CREATE INDEX audit_at ON audit (at, id);
CREATE INDEX audit_target ON audit (target, at, id);
CREATE INDEX audit_actor ON audit (actor, at, id);
CREATE INDEX audit_action ON audit (action, at, id);
CREATE INDEX audit_request ON audit (request_id) WHERE request_id <> '';
-- What provisioning does is most of the trail. The other doors are found among it without a cost to its writes.
CREATE INDEX audit_door ON audit (door, at, id) WHERE door <> 'scim';

-- The chain, in the order in which committed rows were sealed: seq has no gaps. A hash is the SHA-256 of the hash before
-- it and of the row: see docs/audit.md. Rows themselves are never written again, which keeps their indexes small.
CREATE TABLE audit_seal (
    seq      bigint PRIMARY KEY,
    audit_id bigint NOT NULL UNIQUE,
    hash     bytea NOT NULL CHECK (length(hash) = 32)
);

-- One row, which whoever seals or prunes holds a lock of. The chain reaches from after the anchor, the last seal that
-- retention has deleted, up to the head.
CREATE TABLE audit_chain (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    anchor_seq  bigint NOT NULL DEFAULT 0,
    anchor_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    head_seq    bigint NOT NULL DEFAULT 0,
    head_hash   bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    -- Every row of the trail that this snapshot sees is sealed; null is not known. It means nothing in another epoch.
    seen        pg_snapshot,
    epoch       uuid
);
INSERT INTO audit_chain DEFAULT VALUES;

-- +goose StatementBegin
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only: % of % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd

-- Retention moves the anchor first: what is sealed and not behind it is not deleted, nor what is not sealed.
-- +goose StatementBegin
CREATE FUNCTION audit_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'audit' THEN
        IF EXISTS (SELECT FROM audit_seal s, audit_chain c WHERE s.audit_id = OLD.id AND s.seq <= c.anchor_seq) THEN
            RETURN OLD;
        END IF;
    ELSIF EXISTS (SELECT FROM audit_chain c WHERE OLD.seq <= c.anchor_seq) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit trail is append-only: DELETE of % is refused', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd

-- The ends of the chain move forward only, to seals that are there.
-- +goose StatementBegin
CREATE FUNCTION audit_chain_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.head_seq < OLD.head_seq OR NEW.anchor_seq < OLD.anchor_seq OR NEW.anchor_seq > NEW.head_seq
        OR (NEW.head_seq, NEW.head_hash) IS DISTINCT FROM (OLD.head_seq, OLD.head_hash)
            AND NOT EXISTS (SELECT FROM audit_seal s WHERE s.seq = NEW.head_seq AND s.hash = NEW.head_hash)
        OR (NEW.anchor_seq, NEW.anchor_hash) IS DISTINCT FROM (OLD.anchor_seq, OLD.anchor_hash)
            AND NOT EXISTS (SELECT FROM audit_seal s WHERE s.seq = NEW.anchor_seq AND s.hash = NEW.anchor_hash) THEN
        RAISE EXCEPTION 'the chain of the audit trail only grows' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd

CREATE TRIGGER audit_no_update BEFORE UPDATE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_update BEFORE UPDATE OR TRUNCATE ON audit_seal FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_delete BEFORE DELETE OR TRUNCATE ON audit_chain FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_delete BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_delete();
CREATE TRIGGER audit_delete BEFORE DELETE ON audit_seal FOR EACH ROW EXECUTE FUNCTION audit_delete();
CREATE TRIGGER audit_forward BEFORE UPDATE ON audit_chain FOR EACH ROW EXECUTE FUNCTION audit_chain_forward();

-- +goose Down
DROP TABLE audit_chain, audit_seal;
DROP TRIGGER audit_no_update ON audit;
DROP TRIGGER audit_delete ON audit;
DROP FUNCTION audit_refuse(), audit_delete(), audit_chain_forward();
DROP INDEX audit_xid, audit_at, audit_target, audit_actor, audit_action, audit_request, audit_door;
ALTER TABLE audit DROP COLUMN xid;
