-- +goose Up
CREATE TABLE blocks (
    blocker_type text NOT NULL,
    blocker_id   text NOT NULL CHECK (length(blocker_id) BETWEEN 1 AND 64),
    blocked_type text NOT NULL,
    blocked_id   text NOT NULL CHECK (length(blocked_id) BETWEEN 1 AND 64),
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (blocker_type, blocker_id, blocked_type, blocked_id)
);
CREATE INDEX blocks_blocked ON blocks (blocked_type, blocked_id);

CREATE TABLE reports (
    id               uuid PRIMARY KEY,
    created_at       timestamptz NOT NULL,
    reporter_type    text NOT NULL,
    reporter_id      text NOT NULL,
    chat_id          uuid NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    message_id       uuid NOT NULL,
    reason           text NOT NULL,
    note             text NOT NULL DEFAULT '',
    resolved_at      timestamptz,
    resolved_by_type text NOT NULL DEFAULT '',
    resolved_by_id   text NOT NULL DEFAULT '',
    resolution       text NOT NULL DEFAULT '',
    UNIQUE (reporter_type, reporter_id, message_id)
);
CREATE INDEX reports_open ON reports (created_at DESC, id DESC) WHERE resolved_at IS NULL;
CREATE INDEX reports_all ON reports (created_at DESC, id DESC);

ALTER TABLE chats ADD COLUMN frozen_at timestamptz; -- nobody writes in it until an admin lifts it

-- +goose Down
DROP TABLE reports, blocks;
ALTER TABLE chats DROP COLUMN frozen_at;
