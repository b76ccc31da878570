-- +goose Up
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE products (
    id             text PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 64),
    name           text NOT NULL,
    price          text NOT NULL,
    currency       text NOT NULL,
    image_url      text NOT NULL,
    url            text NOT NULL DEFAULT '',
    vendor_id      text NOT NULL CHECK (length(vendor_id) BETWEEN 1 AND 64),
    store_name     text NOT NULL,
    store_logo_url text NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL
);

CREATE TABLE chats (
    id                   uuid PRIMARY KEY,
    kind                 text NOT NULL CHECK (kind IN ('product', 'direct', 'group', 'self')),
    product_id           text NOT NULL DEFAULT '',
    vendor_id            text NOT NULL DEFAULT '',
    customer_id          text NOT NULL DEFAULT '',
    pair_key             text,
    product_name         text NOT NULL DEFAULT '',
    product_image_url    text NOT NULL DEFAULT '',
    product_price        text NOT NULL DEFAULT '',
    store_name           text NOT NULL DEFAULT '',
    store_logo_url       text NOT NULL DEFAULT '',
    customer_name        text NOT NULL DEFAULT '',
    customer_profile_pic text NOT NULL DEFAULT '',
    product_verified     boolean NOT NULL DEFAULT false,
    title                text NOT NULL DEFAULT '',
    description          text NOT NULL DEFAULT '',
    last_seq             bigint NOT NULL DEFAULT 0 CHECK (last_seq >= 0),
    rev                  bigint NOT NULL DEFAULT 0 CHECK (rev >= 0),
    last_message_at      timestamptz NOT NULL,
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    CHECK (kind <> 'product' OR (product_id <> '' AND vendor_id <> '' AND customer_id <> '')),
    CHECK ((kind IN ('direct', 'self')) = (pair_key IS NOT NULL))
);
CREATE UNIQUE INDEX chats_product_parties ON chats (product_id, vendor_id, customer_id) WHERE kind = 'product';
CREATE UNIQUE INDEX chats_pair ON chats (pair_key) WHERE pair_key IS NOT NULL;
CREATE INDEX chats_activity ON chats (last_message_at DESC, id DESC);

CREATE TABLE members (
    chat_id         uuid NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    user_type       text NOT NULL,
    user_id         text NOT NULL CHECK (length(user_id) BETWEEN 1 AND 64),
    role            text NOT NULL DEFAULT 'member' CHECK (role IN ('member', 'admin')),
    last_seq        bigint NOT NULL DEFAULT 0,
    delivered_seq   bigint NOT NULL DEFAULT 0,
    read_seq        bigint NOT NULL DEFAULT 0,
    read_at         timestamptz,
    unread          bigint NOT NULL DEFAULT 0,
    last_message_at timestamptz NOT NULL,
    joined_at       timestamptz NOT NULL,
    left_at         timestamptz,
    PRIMARY KEY (chat_id, user_type, user_id),
    CHECK (delivered_seq BETWEEN 0 AND last_seq),
    CHECK (read_seq BETWEEN 0 AND last_seq),
    CHECK (unread >= 0)
);
CREATE INDEX members_inbox ON members (user_type, user_id, last_message_at DESC, chat_id DESC) WHERE left_at IS NULL;
CREATE INDEX members_behind ON members (user_type, user_id, chat_id) WHERE last_seq > delivered_seq AND left_at IS NULL;
CREATE INDEX members_unread ON members (user_type, user_id) WHERE unread > 0 AND left_at IS NULL;

CREATE TABLE messages (
    chat_id           uuid NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    seq               bigint NOT NULL CHECK (seq >= 1),
    id                uuid NOT NULL,
    sender_type       text NOT NULL,
    sender_id         text NOT NULL,
    client_message_id text CHECK (length(client_message_id) BETWEEN 1 AND 64),
    content_hash      bytea,
    text              text NOT NULL,
    images            text NOT NULL DEFAULT '[]',
    recipient_online  boolean NOT NULL,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    rev               bigint NOT NULL DEFAULT 0, -- the chat's rev at which it was deleted; 0: never changed
    deleted_at        timestamptz,
    deleted_by_type   text NOT NULL DEFAULT '',
    deleted_by_id     text NOT NULL DEFAULT '',
    PRIMARY KEY (chat_id, seq)
);
CREATE UNIQUE INDEX messages_id ON messages (id);
CREATE UNIQUE INDEX messages_client_key ON messages (sender_type, sender_id, client_message_id) WHERE client_message_id IS NOT NULL;
CREATE INDEX messages_text_trgm ON messages USING gin (text gin_trgm_ops);
CREATE INDEX messages_changed ON messages (chat_id, rev) WHERE rev > 0;

CREATE TABLE attachments (
    id         uuid PRIMARY KEY,
    owner_type text NOT NULL,
    owner_id   text NOT NULL,
    chat_id    uuid REFERENCES chats (id) ON DELETE CASCADE,
    message_id uuid,
    url        text NOT NULL,
    mime_type  text NOT NULL,
    size       bigint NOT NULL CHECK (size > 0),
    width      integer NOT NULL,
    height     integer NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX attachments_owner ON attachments (owner_type, owner_id, created_at);

CREATE TABLE audit_entries (
    id         uuid PRIMARY KEY,
    at         timestamptz NOT NULL,
    actor_type text NOT NULL,
    actor_id   text NOT NULL,
    action     text NOT NULL,
    target     text NOT NULL DEFAULT '',
    detail     text NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_entries_at ON audit_entries (at DESC, id DESC);

-- +goose Down
DROP TABLE audit_entries, attachments, messages, members, chats, products;
