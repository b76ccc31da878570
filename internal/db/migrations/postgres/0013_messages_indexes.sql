-- +goose Up
ALTER TABLE chats ADD COLUMN aged_seq bigint NOT NULL DEFAULT 0; -- places up to it have been erased by age
DROP INDEX messages_sender;
DROP INDEX messages_age;

-- +goose Down
CREATE INDEX messages_age ON messages (created_at);
CREATE INDEX messages_sender ON messages (sender_type, sender_id, chat_id, seq);
ALTER TABLE chats DROP COLUMN aged_seq;
