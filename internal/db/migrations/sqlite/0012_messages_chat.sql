-- +goose Up
-- Nothing to do: see the file of the same name for Postgres. SQLite keeps its foreign key.
SELECT 1;

-- +goose Down
SELECT 1;
