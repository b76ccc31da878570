// Reading: the position only moves forward, and everyone concerned sees the same count.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { product, subset, time } from '../lib/device.mjs'

export function receipts(at) {
  async function talk(count = 3) {
    const { id, customer, vendor } = at.world.pair()
    const [a, b] = [await customer.open(), await vendor.open()]
    const { data: { chatId } } = await a.chat.emit('sendMessage', product(id, { text: 'm1' }))
    for (let n = 2; n <= count; n++) await a.chat.emit('sendMessage', { chatId, text: `m${n}` })
    return { id, customer, vendor, a, b, chatId }
  }
  const unread = async (device, chatId) => (await device.chat.emit('getUserChats')).data.find((c) => c.id === chatId).unreadCount

  it('markAsRead up to a place, then all, never back, never past the end', async () => {
    const { id, a, b, chatId } = await talk()
    assert.equal(await unread(b, chatId), 3)
    subset(await b.chat.emit('markAsRead', { chatId, upToSeq: 2 }), { error: false, message: 'Messages marked as read', statusCode: 200 })
    subset(await a.chat.next('updateReadReceipts'), { error: false, statusCode: 200, data: { chatId, readerId: id, readerType: 'vendor', readSeq: 2, readAt: time } })
    assert.equal(await unread(b, chatId), 1)
    await b.chat.emit('markAsRead', { chatId, upToSeq: 1 })
    await b.chat.emit('markAsRead', { chatId, upToSeq: 2 })
    assert.equal(await unread(b, chatId), 1)
    await b.chat.emit('markAsRead', { chatId, upToSeq: 99 })
    subset(await a.chat.next('updateReadReceipts'), { data: { readSeq: 3 } })
    assert.equal(await unread(b, chatId), 0)
    await b.chat.emit('markAsRead', { chatId })
    await b.chat.emit('sendMessage', { chatId, text: 'sentinel' })
    await a.chat.next('receiveMessage')
    assert.equal(a.chat.count('updateReadReceipts'), 2, 'nothing changed, nothing sent')
  })

  it('joinChat reads what the other side wrote, and only that', async () => {
    const { a, b, chatId } = await talk()
    const { data } = await b.chat.emit('joinChat', { chatId })
    subset(data, { id: chatId, unreadCount: 0 })
    assert.ok(data.messages.every((m) => m.read))
    subset(await a.chat.next('updateReadReceipts'), { data: { readerType: 'vendor', readSeq: 3 } })
    const mine = await a.chat.emit('joinChat', { chatId })
    subset(mine.data, { unreadCount: 0 })
    assert.equal(await unread(a, chatId), 0)
  })

  it('joinChat takes chatId, chatIds as a string or an array, or product and recipient', async () => {
    const { id, b, chatId } = await talk(1)
    for (const payload of [{ chatId }, { chatIds: chatId }, { chatIds: [chatId] }, { productId: '12345', recipientId: id }, { productId: 12345, recipientId: String(id) }]) {
      subset(await b.chat.emit('joinChat', payload), { error: false, message: 'Chats have been loaded', statusCode: 200, data: { id: chatId } })
    }
  })

  it('one\'s own other devices follow, without a word to the one that read', async () => {
    const { vendor, a, b, chatId } = await talk()
    const b2 = await vendor.open()
    await b.chat.emit('markAsRead', { chatId })
    subset(await b2.chat.next('updateReadReceipts'), { data: { readerType: 'vendor', readSeq: 3 } })
    await a.chat.next('updateReadReceipts')
    assert.equal(await unread(b2, chatId), 0)
  })

  it('replying counts as reading; one\'s own messages are never unread', async () => {
    const { a, b, chatId } = await talk()
    assert.equal(await unread(a, chatId), 0)
    await b.chat.emit('sendMessage', { chatId, text: 'reply' })
    subset(await a.chat.next('updateReadReceipts'), { data: { readerType: 'vendor', readSeq: (n) => n >= 3 } })
    assert.equal(await unread(b, chatId), 0)
    assert.equal(await unread(a, chatId), 1)
  })

  it('the author sees read on the messages the other side has read', async () => {
    const { a, b, chatId } = await talk()
    await b.chat.emit('markAsRead', { chatId, upToSeq: 2 })
    const { data } = await a.chat.emit('getMessages', { chatId })
    assert.deepEqual(data.map((m) => m.read), [true, true, false])
  })
}
