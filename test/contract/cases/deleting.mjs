// deleteMessage: a tombstone that keeps its place.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { product, refused, subset, time } from '../lib/device.mjs'

export function deleting(at) {
  async function talk() {
    const { id, customer, vendor } = at.world.pair()
    const [a, b] = [await customer.open(), await vendor.open()]
    const first = await a.chat.emit('sendMessage', product(id, { text: 'secret' }))
    const { chatId } = first.data
    await b.chat.emit('sendMessage', { chatId, text: 'two' })
    return { id, customer, vendor, a, b, chatId, messageId: first.data.id }
  }

  it('both sides are told by both names; the text is gone, the place stays', async () => {
    const { a, b, chatId, messageId } = await talk()
    const want = { error: false, message: 'Message has been deleted successfully', statusCode: 200, data: { chatId, messageId, seq: 1 } }
    subset(await a.chat.emit('deleteMessage', { chatId, messageId }), want)
    for (const device of [a, b]) {
      subset(await device.chat.next('deleteMessage'), want)
      subset(await device.chat.next('messageDeleted'), want)
    }
    const { data } = await b.chat.emit('getMessages', { chatId })
    subset(data[0], { id: messageId, seq: 1, text: '', messageImages: [], deletedAt: time })
    subset(data[1], { seq: 2, text: 'two' })
    subset((await b.chat.emit('joinChat', { chatId })).data, { rev: 1, lastSeq: 2 })
  })

  it('a deleted message is not unread any more, and not in the queue as text', async () => {
    const { id, customer, vendor } = at.world.pair()
    const a = await customer.open()
    const { data: { chatId, id: messageId } } = await a.chat.emit('sendMessage', product(id, { text: 'secret' }))
    await a.chat.emit('deleteMessage', { chatId, messageId })
    const b = await vendor.open()
    subset(b.userChats.data[0], { unreadCount: 0 })
    for (const m of b.offlineMessages.data) subset(m, { text: '', deletedAt: time })
    assert.ok(!JSON.stringify(b.chat.all).includes('secret'))
  })

  it('again is answered and told to nobody', async () => {
    const { a, b, chatId, messageId } = await talk()
    await a.chat.emit('deleteMessage', { chatId, messageId })
    subset(await a.chat.emit('deleteMessage', { chatId, messageId }), { error: false, message: 'Message has been deleted successfully' })
    await a.chat.emit('sendMessage', { chatId, text: 'sentinel' })
    await b.chat.next('receiveMessage')
    assert.equal(b.chat.count('messageDeleted'), 1)
  })

  it('only the author may; a message that is not in that chat is not found', async () => {
    const { id, a, b, chatId, messageId } = await talk()
    await refused(b.chat, await b.chat.emit('deleteMessage', { chatId, messageId }), { statusCode: 403 })
    const other = await a.chat.emit('sendMessage', product(id, { productId: 'other' }))
    await refused(a.chat, await a.chat.emit('deleteMessage', { chatId: other.data.chatId, messageId }), { statusCode: 404 })
    await refused(a.chat, await a.chat.emit('deleteMessage', { chatId, messageId: 'msg-uuid' }), { statusCode: 404 })
  })
}
