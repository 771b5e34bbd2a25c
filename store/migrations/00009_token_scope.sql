-- Tokens that see a part of the directory only.

-- +goose Up
ALTER TABLE access_token
    -- Whose identities a token sees: all instances of these providers, and these instances. Both null: everything.
    ADD COLUMN provider_ids bigint[],
    ADD COLUMN instance_ids bigint[];

-- +goose Down
ALTER TABLE access_token DROP COLUMN provider_ids, DROP COLUMN instance_ids;
