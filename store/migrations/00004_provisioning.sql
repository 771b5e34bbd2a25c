-- The provisioning log: what SCIM clients wrote, and what they were refused.

-- +goose Up
-- There is no foreign key: an event is inserted beside the row of its instance, and instances stay for good.
CREATE TABLE provisioning_event (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at              timestamptz NOT NULL,
    instance_id     bigint NOT NULL,
    method          text NOT NULL,
    resource_type   text,
    resource_id     uuid,
    external_id     text COLLATE "C",
    outcome         text NOT NULL,
    status          int,
    scim_type       text,
    message         text,
    duration        bigint NOT NULL, -- microseconds
    request_id      text NOT NULL,
    unknown_members int NOT NULL DEFAULT 0,
    first_unknown   text[]
);
CREATE INDEX provisioning_event_at ON provisioning_event (at, id);
CREATE INDEX provisioning_event_instance ON provisioning_event (instance_id, at, id);
CREATE INDEX provisioning_event_external_id ON provisioning_event (external_id, at, id) WHERE external_id IS NOT NULL;
-- What operators look for is rare among all that went well.
CREATE INDEX provisioning_event_trouble ON provisioning_event (at, id) WHERE outcome IN ('REFUSED', 'FAILED');

-- +goose Down
DROP TABLE provisioning_event;
