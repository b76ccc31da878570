-- +goose Up
-- SQLite puts what is searched in order by itself: see the file of the same name for Postgres.
SELECT 1;

-- +goose Down
SELECT 1;
