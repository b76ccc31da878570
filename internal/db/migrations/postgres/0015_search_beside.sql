-- +goose Up
-- The service puts what new texts add to the index of searches in order every second, beside the commits.
-- Only where it does not, an insert does it, as late as this many KB allow.
ALTER INDEX messages_text_trgm SET (gin_pending_list_limit = 16384);

-- +goose Down
ALTER INDEX messages_text_trgm SET (gin_pending_list_limit = 1024);
