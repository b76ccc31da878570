-- +goose Up
CREATE TABLE revocations (
    user_type text NOT NULL,
    user_id   text NOT NULL CHECK (length(user_id) BETWEEN 1 AND 64),
    at        datetime NOT NULL, -- tokens issued up to then are refused
    PRIMARY KEY (user_type, user_id)
);
CREATE INDEX revocations_at ON revocations (at);

-- +goose Down
DROP TABLE revocations;
