-- +goose Up
CREATE TABLE jobs (
    id                uuid PRIMARY KEY,
    kind              text NOT NULL CHECK (kind IN ('erase')),
    user_type         text NOT NULL,
    user_id           text NOT NULL,
    state             text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done')),
    position          text NOT NULL DEFAULT '', -- where to go on after a crash
    done              bigint NOT NULL DEFAULT 0,
    total             bigint NOT NULL DEFAULT 0,
    requested_by_type text NOT NULL,
    requested_by_id   text NOT NULL,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    finished_at       timestamptz
);
CREATE INDEX jobs_user ON jobs (user_type, user_id, created_at DESC);
CREATE INDEX jobs_running ON jobs (updated_at) WHERE state = 'running';
CREATE INDEX messages_sender ON messages (sender_type, sender_id, chat_id, seq);
CREATE INDEX messages_age ON messages (created_at);

-- +goose Down
DROP INDEX messages_age;
DROP INDEX messages_sender;
DROP TABLE jobs;
