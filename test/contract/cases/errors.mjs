// Refusals: appError and the acknowledgement are one object, with a status and a sentence.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { World, product, refused, subset } from '../lib/device.mjs'
import { Server } from '../lib/server.mjs'

const nowhere = '1770ddc5-429c-4bdf-ae87-249da802d6c0'

export function errors(at) {
  it('every event about a chat that is not there, or not yours, gives the same 404', async () => {
    const [{ id, customer, vendor }, stranger] = [at.world.pair(), at.world.pair().customer]
    const [a, b, c] = [await customer.open(), await vendor.open(), await stranger.open()]
    const { data: { chatId, id: messageId } } = await a.chat.emit('sendMessage', product(id))
    for (const [event, rest] of Object.entries({
      joinChat: {}, sendMessage: { text: 'hi' }, markAsRead: {}, deleteMessage: { messageId }, typing: {}, stoppedTyping: {},
      getMessages: {}, messagesDelivered: { upToSeq: 1 },
    })) {
      const answers = []
      for (const target of [chatId, nowhere, 'chat-uuid', '67c041dd744c61c167a18a32']) {
        const ack = await c.chat.emit(event, { chatId: target, ...rest })
        await refused(c.chat, ack, { message: 'Chat was not found', statusCode: 404, event })
        answers.push(JSON.stringify(ack))
      }
      assert.equal(new Set(answers).size, 1, `${event} answers differently: ${answers}`)
    }
    const resumed = await c.chat.emit('resume', { positions: { [chatId]: { seq: 0 } } })
    assert.ok(!JSON.stringify(resumed).includes('Are you crazy?'))
    await a.chat.emit('sendMessage', { chatId, text: 'sentinel' })
    await b.chat.next('receiveMessage')
    assert.deepEqual(b.chat.names().filter((n) => !['connect', 'newChat'].includes(n)), [], 'the other side saw something')
    assert.ok(!JSON.stringify(c.chat.all).includes('Are you crazy?'))
  })

  it('customer n and vendor n are two people', async () => {
    const { id, customer } = at.world.pair()
    const other = at.world.pair()
    const a = await customer.open()
    const { data: { chatId } } = await a.chat.emit('sendMessage', product(other.id))
    const twin = await at.world.person('vendor', id, 'Twin').open() // the customer's number, the other type
    await refused(twin.chat, await twin.chat.emit('joinChat', { chatId }), { statusCode: 404 })
    assert.deepEqual(twin.userChats.data, [])
  })

  it('payloads that are not what an event needs are 400, with a sentence', async () => {
    const { id, customer } = at.world.pair()
    const a = await customer.open()
    const { data: { chatId } } = await a.chat.emit('sendMessage', product(id))
    const wrong = [
      ['sendMessage'], ['sendMessage', null], ['sendMessage', []], ['sendMessage', 'hi'], ['sendMessage', 5], ['sendMessage', {}, {}],
      ['sendMessage', { chatId }], ['sendMessage', { chatId, text: '' }], ['sendMessage', { chatId, text: '   \u200b' }],
      ['sendMessage', { chatId, text: 'x'.repeat(4001) }], ['sendMessage', { chatId, text: '\u{1F600}'.repeat(4001) }], ['sendMessage', { chatId, text: 7 }],
      ['sendMessage', { chatId, text: 'hi', recipientId: id + 1 }], ['sendMessage', product('', {})], ['sendMessage', { text: 'hi' }],
      ['sendMessage', product(id, { productId: '' })], ['sendMessage', product(2.5)], ['sendMessage', product(true)], ['sendMessage', product(-1)],
      ['sendMessage', { chatId, text: 'hi', clientMessageId: 'with space' }], ['sendMessage', { chatId, text: 'hi', clientMessageId: 'x'.repeat(65) }],
      ['sendMessage', product(id, { productId: 'new1', productPrice: 'cheap' })], ['sendMessage', product(id, { productId: 'new2', productImageUrl: 'javascript:alert(1)' })],
      ['markAsRead'], ['markAsRead', { chatId, upToSeq: 1.5 }], ['markAsRead', { chatId, upToSeq: '1e3' }], ['markAsRead', { chatId, upToSeq: -1 }],
      ['joinChat', {}], ['noSuchEvent', {}], ['deleteMessage', chatId],
    ]
    for (const [event, ...args] of wrong) {
      const ack = await a.chat.emit(event, ...args)
      subset(ack, { error: true, statusCode: 400, message: (m) => m.length > 10 && !/json|unmarshal|goroutine|sql/i.test(m) }, JSON.stringify([event, ...args]).slice(0, 120))
      await refused(a.chat, ack, {})
    }
    subset((await a.chat.emit('getMessages', { chatId })).data, { length: 1 })
  })

  it('text at its limits is stored as it is; controls and NUL never are', async () => {
    const { id, customer } = at.world.pair()
    const a = await customer.open()
    const { data: { chatId } } = await a.chat.emit('sendMessage', product(id))
    for (const text of ['x'.repeat(4000), 'é'.repeat(4000), '\u{1F600}'.repeat(4000), 'line\nline\ttab', 'שלום', '<b>&amp;\\"\'', 'null', '‍👩‍👧', "' OR 1=1--"]) {
      const ack = await a.chat.emit('sendMessage', { chatId, text })
      assert.equal(ack.data?.text, text, JSON.stringify(ack).slice(0, 200))
    }
    const dirty = await a.chat.emit('sendMessage', { chatId, text: 'a\u0000b\u0007c\u001b[31m' })
    assert.equal(dirty.data.text, 'abc[31m')
    const half = await a.chat.emit('sendMessage', { chatId, text: 'half \ud83d pair' })
    assert.equal(half.data.text, 'half \ufffd pair')
  })

  it('the limits answer 429 with the time to wait', async () => {
    const server = await Server.start(at.database, { LIMIT_SENDS_PER_SECOND: '3', LIMIT_SENDS_PER_MINUTE: '5', LIMIT_NEW_CHATS_PER_HOUR: '1' })
    const world = new World(server)
    try {
      const { id, customer } = world.pair()
      const [a1, a2] = [await customer.open(), await customer.open()]
      const { data: { chatId } } = await a1.chat.emit('sendMessage', product(id))
      const acks = await Promise.all(Array.from({ length: 10 }, (_, n) => (n % 2 ? a1 : a2).chat.emit('sendMessage', { chatId, text: `n${n}` })))
      const refusals = acks.filter((r) => r.error)
      assert.ok(refusals.length >= 5, `${refusals.length} of 10 refused`)
      for (const r of refusals) subset(r, { statusCode: 429, retryable: true, retryAfterMs: (ms) => ms > 0 && ms <= 60_000, event: 'sendMessage' })
      const newcomer = await world.pair().customer.open()
      assert.equal((await newcomer.chat.emit('sendMessage', product(id))).error, false)
      await refused(newcomer.chat, await newcomer.chat.emit('sendMessage', product(id, { productId: 'second' })), { statusCode: 429 })
    } finally {
      world.close()
      await server.stop()
    }
  })

  it('too many sockets of one person: the last is refused', async () => {
    const server = await Server.start(at.database, { LIMIT_SOCKETS_PER_USER: '2' })
    const world = new World(server)
    try {
      const { customer } = world.pair()
      await customer.open()
      await customer.open()
      const third = customer.device()
      third.presence.socket.connect()
      subset(await third.presence.next('appError'), { statusCode: 429 })
      await third.presence.next('disconnect')
    } finally {
      world.close()
      await server.stop()
    }
  })
}
