-- +goose Up
-- Each message changes its chat's row and its members' rows. Postgres leaves a table's indexes alone when no
-- column that one of them mentions has changed and the page has room (a HOT update), so what indexes mention
-- is now what seldom changes: whether somebody is behind, not how far, and the minute of the latest message,
-- not the moment. The lists are still in order of the moment: within a minute Postgres sorts.
-- The tables are written anew, which takes some seconds for each million chats.
SET LOCAL statement_timeout = 0;
ALTER TABLE chats SET (fillfactor = 70);
ALTER TABLE members SET (fillfactor = 70);

DROP INDEX chats_activity;
ALTER TABLE chats
    ADD active_minute bigint NOT NULL GENERATED ALWAYS AS (floor(date_part('epoch', last_message_at AT TIME ZONE 'UTC') / 60)::bigint) STORED;
CREATE INDEX chats_activity ON chats (active_minute DESC);

DROP INDEX members_inbox, members_behind, members_unread;
ALTER TABLE members
    ADD active_minute bigint NOT NULL GENERATED ALWAYS AS (floor(date_part('epoch', last_message_at AT TIME ZONE 'UTC') / 60)::bigint) STORED,
    ADD behind boolean NOT NULL GENERATED ALWAYS AS (last_seq > delivered_seq) STORED,
    ADD has_unread boolean NOT NULL GENERATED ALWAYS AS (unread > 0) STORED;
CREATE INDEX members_inbox ON members (user_type, user_id, active_minute DESC) WHERE left_at IS NULL;
CREATE INDEX members_behind ON members (user_type, user_id, chat_id) WHERE behind AND left_at IS NULL;
CREATE INDEX members_unread ON members (user_type, user_id) WHERE has_unread AND left_at IS NULL;

-- +goose Down
SET LOCAL statement_timeout = 0;
DROP INDEX chats_activity, members_inbox, members_behind, members_unread;
ALTER TABLE chats DROP active_minute;
ALTER TABLE members DROP active_minute, DROP behind, DROP has_unread;
ALTER TABLE chats RESET (fillfactor);
ALTER TABLE members RESET (fillfactor);
CREATE INDEX chats_activity ON chats (last_message_at DESC, id DESC);
CREATE INDEX members_inbox ON members (user_type, user_id, last_message_at DESC, chat_id DESC) WHERE left_at IS NULL;
CREATE INDEX members_behind ON members (user_type, user_id, chat_id) WHERE last_seq > delivered_seq AND left_at IS NULL;
CREATE INDEX members_unread ON members (user_type, user_id) WHERE unread > 0 AND left_at IS NULL;
