-- Who a source tells of under a name that another identity had: the next round tries again, also where it tells nothing new.

-- +goose Up
CREATE TABLE sync_refused (
    instance_id bigint NOT NULL,
    kind        text NOT NULL,
    key         text COLLATE "C" NOT NULL,
    PRIMARY KEY (instance_id, kind, key)
);

-- +goose Down
DROP TABLE sync_refused;
