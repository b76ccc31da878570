// How the peer stores messages.

const schema = `
CREATE TABLE IF NOT EXISTS chats (
  id bigserial PRIMARY KEY, product_id text NOT NULL, vendor_id text NOT NULL, customer_id text NOT NULL,
  last_seq bigint NOT NULL DEFAULT 0, last_message_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (product_id, vendor_id, customer_id));
CREATE TABLE IF NOT EXISTS messages (
  chat_id bigint NOT NULL REFERENCES chats (id), seq bigint NOT NULL, id uuid NOT NULL UNIQUE,
  sender_type text NOT NULL, sender_id text NOT NULL, text text NOT NULL, created_at timestamptz NOT NULL,
  PRIMARY KEY (chat_id, seq));`

// openStore makes the tables and returns store(message) → {id, chatId, seq, at}, resolved after COMMIT.
export async function openStore(pool, kind) {
  await pool.query(schema)
  const chatOf = chats(pool)
  if (kind === 'single') return single(pool, chatOf)
  if (kind === 'group') return group(pool, chatOf)
  throw new Error(`STORE is ${kind}: expected single or group`)
}

// chats remembers the id of each chat it has opened or seen.
function chats(pool) {
  const known = new Map()
  return (m) => {
    const key = JSON.stringify([m.product, m.vendor, m.customer])
    if (!known.has(key)) {
      const opened = pool.query({
        name: 'open', text: `INSERT INTO chats (product_id, vendor_id, customer_id) VALUES ($1, $2, $3)
          ON CONFLICT (product_id, vendor_id, customer_id) DO UPDATE SET product_id = EXCLUDED.product_id RETURNING id`,
        values: [m.product, m.vendor, m.customer],
      }).then((r) => r.rows[0].id)
      opened.catch(() => known.delete(key))
      known.set(key, opened)
    }
    return known.get(key)
  }
}

function single(pool, chatOf) {
  return async (m) => {
    const chatId = await chatOf(m)
    const at = new Date()
    const client = await pool.connect()
    try {
      await client.query('BEGIN')
      const moved = await client.query({ name: 'move', text: 'UPDATE chats SET last_seq = last_seq + 1, last_message_at = $2 WHERE id = $1 RETURNING last_seq', values: [chatId, at] })
      const seq = Number(moved.rows[0].last_seq)
      await client.query({
        name: 'store', text: 'INSERT INTO messages (chat_id, seq, id, sender_type, sender_id, text, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)',
        values: [chatId, seq, m.id, m.type, m.sender, m.text, at],
      })
      await client.query('COMMIT')
      return { id: m.id, chatId, seq, at }
    } catch (err) {
      await client.query('ROLLBACK').catch(() => {})
      throw err
    } finally {
      client.release()
    }
  }
}

const grouped = `
WITH moved AS (
  UPDATE chats c SET last_seq = c.last_seq + r.n, last_message_at = $3
  FROM unnest($1::bigint[], $2::bigint[]) AS r(id, n) WHERE c.id = r.id
  RETURNING c.id, c.last_seq - r.n AS base
), stored AS (
  INSERT INTO messages (chat_id, seq, id, sender_type, sender_id, text, created_at)
  SELECT m.chat_id, moved.base + m.place, m.id, m.type, m.sender, m.text, $3
  FROM unnest($4::bigint[], $5::bigint[], $6::uuid[], $7::text[], $8::text[], $9::text[]) AS m(chat_id, place, id, type, sender, text)
  JOIN moved ON moved.id = m.chat_id
)
SELECT id, base FROM moved`

const maxBatch = 1000

function group(pool, chatOf) {
  let waiting = []
  let running = false
  const flush = async () => {
    running = true
    while (waiting.length) {
      const batch = waiting.splice(0, maxBatch)
      try {
        const at = new Date()
        const runs = new Map()
        for (const w of batch) {
          w.place = (runs.get(w.chatId) ?? 0) + 1
          runs.set(w.chatId, w.place)
        }
        const pick = (f) => batch.map(f)
        const { rows } = await pool.query({
          name: 'group', text: grouped,
          values: [[...runs.keys()], [...runs.values()], at, pick((w) => w.chatId), pick((w) => w.place), pick((w) => w.m.id), pick((w) => w.m.type), pick((w) => w.m.sender), pick((w) => w.m.text)],
        })
        const base = new Map(rows.map((r) => [r.id, Number(r.base)]))
        for (const w of batch) w.resolve({ id: w.m.id, chatId: w.chatId, seq: base.get(w.chatId) + w.place, at })
      } catch (err) {
        for (const w of batch) w.reject(err)
      }
    }
    running = false
  }
  return async (m) => {
    const chatId = await chatOf(m)
    return new Promise((resolve, reject) => {
      waiting.push({ m, chatId, resolve, reject })
      if (!running) void flush()
    })
  }
}
