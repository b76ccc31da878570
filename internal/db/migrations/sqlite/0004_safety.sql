-- +goose Up
CREATE TABLE blocks (
    blocker_type text NOT NULL,
    blocker_id   text NOT NULL CHECK (length(blocker_id) BETWEEN 1 AND 64),
    blocked_type text NOT NULL,
    blocked_id   text NOT NULL CHECK (length(blocked_id) BETWEEN 1 AND 64),
    created_at   datetime NOT NULL,
    PRIMARY KEY (blocker_type, blocker_id, blocked_type, blocked_id)
);
CREATE INDEX blocks_blocked ON blocks (blocked_type, blocked_id);

CREATE TABLE reports (
    id               text PRIMARY KEY,
    created_at       datetime NOT NULL,
    reporter_type    text NOT NULL,
    reporter_id      text NOT NULL,
    chat_id          text NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    message_id       text NOT NULL,
    reason           text NOT NULL,
    note             text NOT NULL DEFAULT '',
    resolved_at      datetime,
    resolved_by_type text NOT NULL DEFAULT '',
    resolved_by_id   text NOT NULL DEFAULT '',
    resolution       text NOT NULL DEFAULT '',
    UNIQUE (reporter_type, reporter_id, message_id)
);
CREATE INDEX reports_open ON reports (created_at DESC, id DESC) WHERE resolved_at IS NULL;
CREATE INDEX reports_all ON reports (created_at DESC, id DESC);

ALTER TABLE chats ADD COLUMN frozen_at datetime; -- nobody writes in it until an admin lifts it

-- +goose Down
DROP TABLE reports;
DROP TABLE blocks;
ALTER TABLE chats DROP COLUMN frozen_at;
