-- +goose Up
ALTER TABLE chats ADD COLUMN deleted_at datetime; -- taken away for everybody; the rows stay

CREATE TABLE profiles (
    user_type  text NOT NULL,
    user_id    text NOT NULL CHECK (length(user_id) BETWEEN 1 AND 64),
    name       text NOT NULL,
    picture    text NOT NULL DEFAULT '',
    updated_at datetime NOT NULL,
    PRIMARY KEY (user_type, user_id)
);

-- Contracts whose chat ids are integers know a chat by its number.
CREATE TABLE chat_numbers (
    number  integer PRIMARY KEY AUTOINCREMENT,
    chat_id text NOT NULL UNIQUE REFERENCES chats (id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE chat_numbers;
DROP TABLE profiles;
ALTER TABLE chats DROP COLUMN deleted_at;
