-- The e-mail addresses of an identity are found by an index, all of them and without case. It is a part of the index of
-- words, which costs a write less than an index of its own.

-- +goose Up
DROP INDEX identity_words;
CREATE INDEX identity_words ON identity USING gin (
    words,
    (lower(jsonb_path_query_array(attributes, '$."emails"[*]."value"')::text)::jsonb) jsonb_path_ops
);

-- +goose Down
DROP INDEX identity_words;
CREATE INDEX identity_words ON identity USING gin (words);
