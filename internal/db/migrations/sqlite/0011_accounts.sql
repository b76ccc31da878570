-- +goose Up
CREATE TABLE accounts (
    id            text PRIMARY KEY,
    email         text NOT NULL,
    email_key     text NOT NULL UNIQUE, -- the address as people mean it
    name          text NOT NULL,
    password_hash text NOT NULL,
    verified_at   datetime,
    created_at    datetime NOT NULL
);

CREATE TABLE account_links (
    token_hash text PRIMARY KEY,
    account_id text NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    expires_at datetime NOT NULL
);

-- One row for each refresh token ever given out; those of one log-in are a family.
CREATE TABLE account_tokens (
    token_hash text PRIMARY KEY,
    family     text NOT NULL,
    account_id text NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    expires_at datetime NOT NULL,
    used_at    datetime, -- exchanged for the next one
    revoked_at datetime,
    created_at datetime NOT NULL
);
CREATE INDEX account_tokens_family ON account_tokens (family);

-- +goose Down
DROP TABLE account_tokens;
DROP TABLE account_links;
DROP TABLE accounts;
