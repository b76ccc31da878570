-- +goose Up
CREATE TABLE accounts (
    id            uuid PRIMARY KEY,
    email         text NOT NULL,
    email_key     text NOT NULL UNIQUE, -- the address as people mean it
    name          text NOT NULL,
    password_hash text NOT NULL,
    verified_at   timestamptz,
    created_at    timestamptz NOT NULL
);

CREATE TABLE account_links (
    token_hash text PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);

-- One row for each refresh token ever given out; those of one log-in are a family.
CREATE TABLE account_tokens (
    token_hash text PRIMARY KEY,
    family     uuid NOT NULL,
    account_id uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz, -- exchanged for the next one
    revoked_at timestamptz,
    created_at timestamptz NOT NULL
);
CREATE INDEX account_tokens_family ON account_tokens (family);

-- +goose Down
DROP TABLE account_tokens, account_links, accounts;
