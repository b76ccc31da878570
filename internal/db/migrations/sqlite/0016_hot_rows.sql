-- +goose Up
-- The columns that the file of the same name gives Postgres, so that both are asked the same. SQLite works them
-- out when it reads them; its indexes keep the order of the moment.
DROP INDEX chats_activity;
ALTER TABLE chats ADD active_minute integer GENERATED ALWAYS AS (CAST(strftime('%s', substr(last_message_at, 1, 19)) AS integer) / 60) VIRTUAL;
CREATE INDEX chats_activity ON chats (active_minute DESC, last_message_at DESC, id DESC);

DROP INDEX members_inbox;
DROP INDEX members_behind;
DROP INDEX members_unread;
ALTER TABLE members ADD active_minute integer GENERATED ALWAYS AS (CAST(strftime('%s', substr(last_message_at, 1, 19)) AS integer) / 60) VIRTUAL;
ALTER TABLE members ADD behind boolean GENERATED ALWAYS AS (last_seq > delivered_seq) VIRTUAL;
ALTER TABLE members ADD has_unread boolean GENERATED ALWAYS AS (unread > 0) VIRTUAL;
CREATE INDEX members_inbox ON members (user_type, user_id, active_minute DESC, last_message_at DESC, chat_id DESC) WHERE left_at IS NULL;
CREATE INDEX members_behind ON members (user_type, user_id, chat_id) WHERE behind AND left_at IS NULL;
CREATE INDEX members_unread ON members (user_type, user_id) WHERE has_unread AND left_at IS NULL;

-- +goose Down
DROP INDEX chats_activity;
DROP INDEX members_inbox;
DROP INDEX members_behind;
DROP INDEX members_unread;
ALTER TABLE chats DROP active_minute;
ALTER TABLE members DROP active_minute;
ALTER TABLE members DROP behind;
ALTER TABLE members DROP has_unread;
CREATE INDEX chats_activity ON chats (last_message_at DESC, id DESC);
CREATE INDEX members_inbox ON members (user_type, user_id, last_message_at DESC, chat_id DESC) WHERE left_at IS NULL;
CREATE INDEX members_behind ON members (user_type, user_id, chat_id) WHERE last_seq > delivered_seq AND left_at IS NULL;
CREATE INDEX members_unread ON members (user_type, user_id) WHERE unread > 0 AND left_at IS NULL;
