-- Settings that decide what is taken from a source hold for what is there already, too.

-- +goose Up
ALTER TABLE provider_instance
    -- How often such settings have changed.
    ADD COLUMN reevaluation   bigint NOT NULL DEFAULT 0,
    -- The last identity that was held against them since; null where there is nothing to do.
    ADD COLUMN reevaluated_to bigint;

-- +goose Down
ALTER TABLE provider_instance DROP COLUMN reevaluation, DROP COLUMN reevaluated_to;
