// The offline queue: a position, not a copy. Everything waits until it has arrived.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { product, subset } from '../lib/device.mjs'

export function offline(at) {
  // queued opens a chat whose vendor has never been there, with `count` messages waiting.
  async function queued(count) {
    const { id, customer, vendor } = at.world.pair()
    const a = await customer.open()
    const { data: { chatId } } = await a.chat.emit('sendMessage', product(id, { text: 'm1' }))
    for (let n = 2; n <= count; n++) await a.chat.emit('sendMessage', { chatId, text: `m${n}` })
    return { id, customer, vendor, a, chatId }
  }
  const texts = (body) => body.data.map((m) => m.text)

  it('what was sent to somebody who is away waits, in order, marked as sent to nobody online', async () => {
    const { vendor, a, chatId } = await queued(3)
    assert.equal(a.chat.all.find((e) => e.name === 'sentMessage').body.data.recipientOnline, false)
    const b = await vendor.open()
    assert.deepEqual(texts(b.offlineMessages), ['m1', 'm2', 'm3'])
    for (const m of b.offlineMessages.data) subset(m, { chatId, recipientOnline: false, read: false })
    subset(b.userChats.data[0], { id: chatId, unreadCount: 3, lastSeq: 3 })
  })

  it('acknowledged with messagesDelivered, they do not come again; the sender is told', async () => {
    const { vendor, a, chatId } = await queued(3)
    const b = await vendor.open({ silent: true })
    subset(await b.chat.emit('messagesDelivered', { chatId, upToSeq: 2 }), { error: false, statusCode: 200 })
    subset(await a.chat.next('messageStatus'), { error: false, data: { chatId, deliveredSeq: 2, recipientId: vendor.userId, status: 'delivered' } })
    b.close()
    const again = await vendor.open({ silent: true })
    assert.deepEqual(texts(again.offlineMessages), ['m3'])
    await again.chat.emit('messagesDelivered', { chatId, upToSeq: 3 })
    again.close()
    assert.deepEqual(texts((await vendor.open()).offlineMessages), [])
  })

  it('a client that acknowledges nothing but answers heartbeats, as all do, gets them once', async () => {
    const { vendor, a } = await queued(3)
    const b = await vendor.open()
    assert.deepEqual(texts(b.offlineMessages), ['m1', 'm2', 'm3'])
    subset(await a.chat.next('messageStatus'), { data: { deliveredSeq: 3 } })
    b.close()
    assert.deepEqual(texts((await vendor.open()).offlineMessages), [])
  })

  it('a device that dies before any answer gets everything again', async () => {
    const { vendor } = await queued(2)
    const b = await vendor.open({ silent: true })
    b.manager.engine.close()
    assert.deepEqual(texts((await vendor.open()).offlineMessages), ['m1', 'm2'])
  })

  it('a device that says at connecting what it has is not sent it again, and its sender is told', async () => {
    const { vendor, a, chatId } = await queued(3)
    const b = await vendor.open({ silent: true })
    b.manager.engine.close()
    const again = await vendor.open({ silent: true, positions: { [chatId]: { seq: 2 } } })
    assert.deepEqual(texts(again.offlineMessages), ['m3'])
    subset(await a.chat.next('messageStatus'), { data: { chatId, deliveredSeq: 2, recipientId: vendor.userId } })
    again.manager.engine.close()
    assert.deepEqual(texts((await vendor.open({ silent: true })).offlineMessages), ['m3'])
  })

  it('what it says of chats that are not its own, or do not exist, changes nothing', async () => {
    const { customer, vendor, chatId } = await queued(2)
    const eve = at.world.pair().vendor
    const other = await eve.open({ positions: { [chatId]: { seq: 2 }, nonsense: { seq: 1 } } })
    assert.deepEqual(texts(other.offlineMessages), [])
    assert.deepEqual(texts((await vendor.open({ silent: true, positions: { nonsense: { seq: 9 } } })).offlineMessages), ['m1', 'm2'])
    assert.equal((await customer.open()).userChats.data[0].lastSeq, 2)
  })

  it('positions that cannot be are refused in words', async () => {
    const { vendor } = at.world.pair()
    for (const positions of ['all', [], { x: 1 }, { x: { seq: -1 } }, { x: { seq: 1.5 } }]) {
      const device = vendor.device({ positions })
      device.presence.socket.connect()
      device.chat.socket.connect()
      subset(await device.chat.next('appError'), { error: true, statusCode: 400 })
      assert.ok(!device.chat.names().includes('userChats'))
    }
  })

  it('what was received live does not come again once the sender was told of its delivery', async () => {
    const { id, customer, vendor } = at.world.pair()
    const [a, b] = [await customer.open(), await vendor.open()]
    const { data: { chatId } } = await a.chat.emit('sendMessage', product(id, { text: 'm1' }))
    await b.chat.next('newChat')
    await a.chat.emit('sendMessage', { chatId, text: 'm2' })
    await b.chat.next('receiveMessage')
    await a.chat.next('messageStatus', (e) => e.data.deliveredSeq === 2)
    b.close()
    assert.deepEqual(texts((await vendor.open()).offlineMessages), [])
  })

  it('a position beyond what exists is cut to what exists', async () => {
    const { vendor, a, chatId } = await queued(2)
    const b = await vendor.open()
    await b.chat.emit('messagesDelivered', { chatId, upToSeq: 1_000_000 })
    subset(await a.chat.next('messageStatus'), { data: { deliveredSeq: 2 } })
    b.close()
    const again = vendor.device()
    await again.open()
    assert.deepEqual(again.offlineMessages.data, [])
    await a.chat.emit('sendMessage', { chatId, text: 'm3' })
    assert.equal((await again.chat.next('receiveMessage')).data.seq, 3)
  })

  it('messages that arrive while somebody connects are neither lost nor doubled nor out of order', async () => {
    const { vendor, a, chatId } = await queued(5)
    let sending = true
    const stream = (async () => {
      let n = 5
      while (sending) await a.chat.emit('sendMessage', { chatId, text: `m${++n}` })
      return n
    })()
    const b = await vendor.open()
    await b.chat.next('receiveMessage')
    sending = false
    const last = await stream
    if (!b.chat.all.some((e) => e.name === 'receiveMessage' && e.body.data.seq === last)) {
      await b.chat.next('receiveMessage', (e) => e.data.seq === last)
    }
    const seqs = b.chat.all.flatMap((e) => e.name === 'offlineMessages' ? e.body.data.map((m) => m.seq) : e.name === 'receiveMessage' ? [e.body.data.seq] : [])
    assert.deepEqual(seqs, Array.from({ length: last }, (_, n) => n + 1))
  })

  it('resume gives what came after a position, and tombstones, and both positions', async () => {
    const { vendor, a, chatId } = await queued(4)
    const b = await vendor.open()
    const before = await b.chat.emit('resume', { positions: { [chatId]: { seq: 2, rev: 0 } } })
    subset(before, { error: false, statusCode: 200 })
    const one = before.data.find((c) => c.chatId === chatId)
    assert.deepEqual(one.messages.map((m) => m.seq), [3, 4])
    const first = b.offlineMessages.data[0]
    await a.chat.emit('deleteMessage', { chatId, messageId: first.id })
    await b.chat.emit('markAsRead', { chatId, upToSeq: 3 })
    const after = (await b.chat.emit('resume', { positions: { [chatId]: { seq: 4, rev: one.rev } } })).data.find((c) => c.chatId === chatId)
    assert.deepEqual(after.messages, [])
    assert.deepEqual(after.deleted.map((d) => [d.seq, d.messageId]), [[1, first.id]])
    subset(after.positions.find((p) => p.userType === 'vendor'), { readSeq: 3 })
    subset(after, { lastSeq: 4, rev: 1, hasMore: false })
  })
}
