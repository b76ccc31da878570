import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createChatClient } from '../dist/index.js'
import { Site, memory, online, until } from './site.mjs'

let site
let last = 100
before(async () => { site = await Site.start() })
after(() => site.stop())

// pair connects a customer and the vendor with the same number, with a chat between them.
async function pair(options) {
  const id = ++last
  const a = site.client('customer', id, options)
  const b = site.client('vendor', id)
  await Promise.all([online(a), online(b)])
  const first = await a.send({ productId: `p${id}`, recipientId: id, text: 'first', productName: 'Lamp' })
  await until(b, 'the new chat', () => b.chat(first.chatId))
  return { id, a, b, chatId: first.chatId }
}

const texts = (client, chatId) => client.chat(chatId).messages.map((m) => m.text)

test('a first message opens a chat on both sides; a reply, receipts, typing, deletion', async () => {
  const { a, b, chatId } = await pair()
  assert.equal(b.unreadTotal, 1)
  assert.equal(a.find(a.chat(chatId).productId, b.me.userId)?.id, chatId)
  await b.open(chatId)
  await b.markRead(chatId)
  await until(a, 'read', () => a.receipt(a.chat(chatId), a.chat(chatId).messages[0]) === 'read')
  assert.equal(b.unreadTotal, 0)
  b.typing(chatId)
  await until(a, 'typing', () => a.chat(chatId).peer.typing)
  const reply = await b.send({ chatId, text: 'second' })
  await until(a, 'the reply', () => a.seen.includes('second'))
  assert.equal(a.chat(chatId).peer.typing, false)
  await until(b, 'delivered', () => b.receipt(b.chat(chatId), reply) !== 'sent')
  await b.delete(chatId, reply.id)
  await until(a, 'the tombstone', () => a.chat(chatId).messages[1].deletedAt)
  assert.deepEqual(texts(a, chatId), ['first', ''])
})

test('presence of the other side comes and goes', async () => {
  const { a, b, chatId } = await pair()
  await a.open(chatId)
  await until(a, 'online', () => a.presenceOf(b.me)?.online)
  const who = b.me
  b.close()
  const gone = await until(a, 'offline', () => a.presenceOf(who)?.online === false && a.presenceOf(who))
  assert.match(gone.lastSeen, /Z$/)
})

test('what is sent while the network is down arrives once, in order, on both sides', async () => {
  const { a, b, chatId } = await pair()
  site.cut()
  await until(a, 'the cut', () => a.status === 'reconnecting')
  const sends = ['one', 'two', 'three'].map((text) => a.send({ chatId, text }))
  assert.equal(a.pending().length, 3)
  site.mend()
  const stored = await Promise.all(sends)
  assert.deepEqual(stored.map((m) => m.seq), [2, 3, 4])
  await until(b, 'all three', () => b.seen.length === 4)
  assert.deepEqual(b.seen, ['first', 'one', 'two', 'three'])
  assert.deepEqual(texts(b, chatId), b.seen)
  assert.equal(a.pending().length, 0)
})

test('what has arrived is not sent again after an interruption, even if the server could not know', async () => {
  const { a, b, chatId } = await pair()
  const heard = b._heard.bind(b)
  const flushed = new Promise((resolve) => {
    b._heard = (name, body) => {
      if (name === 'offlineMessages') resolve(body.data.map((m) => m.text))
      heard(name, body)
    }
  })
  b.on('message', ({ message }) => { if (message.text === 'second') site.cut() })
  await a.send({ chatId, text: 'second' }).catch(() => {})
  await until(b, 'the cut', () => b.status === 'reconnecting')
  site.mend()
  assert.deepEqual(await flushed, [])
  assert.deepEqual(texts(b, chatId), ['first', 'second'])
})

test('a connection that dies silently in the middle of a send: one message', async () => {
  const { a, b, chatId } = await pair()
  site.silence()
  const sent = a.send({ chatId, text: 'into the void' })
  await until(a, 'it is being sent', () => a.pending()[0]?.state === 'sending')
  site.cut()
  site.mend()
  assert.equal((await sent).seq, 2)
  await until(b, 'it', () => b.seen.includes('into the void'))
  assert.deepEqual(texts(b, chatId), ['first', 'into the void'])
})

test('an acknowledgement that is lost: the repetition finds the same message', async () => {
  const { a, b, chatId } = await pair()
  const sends = Array.from({ length: 20 }, (_, i) => a.send({ chatId, text: `m${i}` }))
  await until(a, 'some are stored', () => a.pending().length < 15)
  site.cut()
  site.mend()
  await Promise.all(sends)
  await until(b, 'all of them', () => b.seen.length === 21)
  assert.deepEqual(texts(b, chatId), ['first', ...sends.map((_, i) => `m${i}`)])
  assert.deepEqual(b.seen, texts(b, chatId))
})

test('a reload with unsent messages: the next page sends them', async () => {
  const storage = memory()
  const { id, a, b, chatId } = await pair({ storage })
  site.cut()
  await until(a, 'the cut', () => a.status === 'reconnecting')
  const never = a.send({ chatId, text: 'typed in a tunnel' })
  a.close()
  assert.equal(storage.length, 1)
  site.mend()
  const reloaded = site.client('customer', id, { storage })
  await online(reloaded)
  await until(b, 'it', () => b.seen.includes('typed in a tunnel'))
  await until(reloaded, 'the outbox is empty', () => reloaded.pending().length === 0)
  assert.equal(storage.length, 0)
  assert.deepEqual(texts(b, chatId), ['first', 'typed in a tunnel'])
  void never.catch(() => {})
})

test('an outbox is only its owner\'s', async () => {
  const storage = memory()
  const { a, chatId } = await pair({ storage })
  site.cut()
  await until(a, 'the cut', () => a.status === 'reconnecting')
  void a.send({ chatId, text: 'mine' }).catch(() => {})
  a.close()
  site.mend()
  const other = site.client('customer', ++last, { storage })
  await online(other)
  assert.deepEqual(other.pending(), [])
  assert.equal(storage.length, 1)
})

test('the server is restarted in the middle of sends: nothing is lost or doubled', async () => {
  const { a, b, chatId } = await pair()
  const sends = Array.from({ length: 10 }, (_, i) => a.send({ chatId, text: `r${i}` }))
  await until(a, 'some are stored', () => a.pending().length < 9)
  await site.server.end('SIGKILL')
  sends.push(a.send({ chatId, text: 'while it was down' }))
  await site.server.run()
  await Promise.all(sends)
  await until(b, 'all of them', () => b.seen.length === 12, 30_000)
  assert.deepEqual(b.seen, ['first', ...Array.from({ length: 10 }, (_, i) => `r${i}`), 'while it was down'])
  assert.deepEqual(texts(b, chatId), b.seen)
})

test('a gap of hundreds of messages is healed by place', async () => {
  const { id, a, b, chatId } = await pair()
  const device = site.client('vendor', id, { url: site.server.url }) // past the proxy
  await online(device)
  a.close() // only b is to be cut
  site.cut()
  await until(b, 'the cut', () => b.status === 'reconnecting')
  for (let i = 0; i < 600; i += 50) await Promise.all(Array.from({ length: 50 }, (_, k) => device.send({ chatId, text: `g${i + k}` })))
  site.mend()
  await until(b, 'all of them', () => b.chat(chatId).messages.length === 601, 30_000)
  assert.deepEqual(b.chat(chatId).messages.map((m) => m.seq), Array.from({ length: 601 }, (_, i) => i + 1))
  assert.deepEqual(b.seen.slice(1), Array.from({ length: 600 }, (_, i) => `g${i}`))
})

test('history comes page by page', async () => {
  const { id, a, chatId } = await pair()
  await Promise.all(Array.from({ length: 60 }, (_, i) => a.send({ chatId, text: `h${i}` })))
  const b = site.client('customer', id)
  await online(b)
  await until(b, 'the chat', () => b.chat(chatId)?.messages.length === 20)
  assert.equal(await b.loadOlder(chatId, 30), true)
  assert.equal(await b.loadOlder(chatId, 30), false)
  assert.deepEqual(b.chat(chatId).messages.map((m) => m.seq), Array.from({ length: 61 }, (_, i) => i + 1))
})

test('the token is replaced before it ends: the connection stays', async () => {
  const id = ++last
  let asked = 0
  const a = site.client('customer', id, { getToken: () => { asked++; return site.server.token({ userType: 'customer', userId: id }, 3) } })
  const states = []
  a.on('status', ({ status }) => states.push(status))
  await online(a)
  const b = site.client('vendor', id)
  await online(b)
  for (const deadline = Date.now() + 6_000; Date.now() < deadline;) { // twice as long as one token lives
    await a.send({ productId: `p${id}`, recipientId: id, text: 'still here' })
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  assert.ok(asked >= 3, `asked ${asked} times`)
  assert.deepEqual(states, ['connecting', 'online'])
})

test('a token that has run out is replaced; one that stays refused ends in a sentence', async () => {
  const id = ++last
  let asked = 0
  const a = site.client('customer', id, { getToken: () => site.server.token({ userType: 'customer', userId: id }, ++asked < 3 ? -60 : 3600) })
  await online(a)
  assert.ok(asked >= 3)
  const c = createChatClient({ url: site.url, storage: null, getToken: () => 'nonsense' })
  let said
  c.seen = []
  c.on('status', ({ status, error }) => { if (status === 'refused') said = error })
  c.connect()
  await until(c, 'refused', () => c.status === 'refused', 30_000)
  assert.match(said, /token/i)
  c.close()
})

test('what the server refuses is rejected and kept as failed until it is discarded or retried', async () => {
  const { a, chatId } = await pair()
  await assert.rejects(a.send({ chatId, text: 'x'.repeat(5_000) }), { name: 'ChatError', statusCode: 400 })
  const [failed] = a.pending()
  assert.equal(failed.state, 'failed')
  assert.match(failed.error, /4,?000/)
  assert.equal((await a.send({ chatId, text: 'after it' })).seq, 2)
  a.discard(failed.clientMessageId)
  assert.deepEqual(a.pending(), [])
})

test('two devices of one person agree', async () => {
  const { id, a, b, chatId } = await pair()
  const second = site.client('vendor', id)
  await online(second)
  await until(second, 'unread', () => second.unreadTotal === 1)
  await b.markRead(chatId)
  await until(second, 'read there too', () => second.unreadTotal === 0)
  await b.send({ chatId, text: 'from the first device' })
  await until(second, 'it', () => texts(second, chatId).length === 2)
  await until(a, 'it', () => a.seen.includes('from the first device'))
})
