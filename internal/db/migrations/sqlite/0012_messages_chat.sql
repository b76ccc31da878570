-- +goose Up
-- SQLite keeps the foreign key of its messages: see the file of the same name for Postgres.

-- Every node reads these again every few seconds.
CREATE INDEX chats_frozen ON chats (id) WHERE frozen_at IS NOT NULL;

-- +goose Down
DROP INDEX chats_frozen;
