-- +goose Up
-- A message is only ever inserted joined with its chat's row, locked in the same statement, and a
-- chat's row is never removed. The foreign key asked the same once more for each message.
ALTER TABLE messages DROP CONSTRAINT messages_chat_id_fkey;

-- Every node reads these again every few seconds.
CREATE INDEX chats_frozen ON chats (id) WHERE frozen_at IS NOT NULL;

-- +goose Down
DROP INDEX chats_frozen;
ALTER TABLE messages ADD CONSTRAINT messages_chat_id_fkey FOREIGN KEY (chat_id) REFERENCES chats (id) ON DELETE CASCADE;
