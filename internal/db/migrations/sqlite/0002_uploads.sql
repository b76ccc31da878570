-- +goose Up
ALTER TABLE attachments ADD COLUMN deleted_at datetime; -- its message is gone: not served from now on
ALTER TABLE attachments ADD COLUMN purged boolean NOT NULL DEFAULT false; -- the files are gone too; the row counts for the day's quota
CREATE INDEX attachments_unused ON attachments (created_at) WHERE message_id IS NULL AND NOT purged;
CREATE INDEX attachments_deleted ON attachments (deleted_at) WHERE deleted_at IS NOT NULL AND NOT purged;
CREATE INDEX attachments_message ON attachments (message_id) WHERE message_id IS NOT NULL;

-- +goose Down
DROP INDEX attachments_unused;
DROP INDEX attachments_deleted;
DROP INDEX attachments_message;
ALTER TABLE attachments DROP COLUMN deleted_at;
ALTER TABLE attachments DROP COLUMN purged;
