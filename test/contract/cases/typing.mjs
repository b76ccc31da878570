// typing and stoppedTyping: seen by the other side, stored nowhere, ended by itself.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { product, subset } from '../lib/device.mjs'

export function typing(at) {
  async function talk() {
    const { id, customer, vendor } = at.world.pair()
    const [a, b] = [await customer.open(), await vendor.open()]
    const { data: { chatId } } = await a.chat.emit('sendMessage', product(id))
    return { id, customer, a, b, chatId }
  }

  it('the other side sees typing and userTyping, then stoppedTyping', async () => {
    const { id, a, b, chatId } = await talk()
    subset(await a.chat.emit('typing', { chatId }), { error: false })
    const data = { chatId, userId: id, userType: 'customer' }
    subset(await b.chat.next('typing'), { error: false, message: 'User is typing', data })
    subset(await b.chat.next('userTyping'), { data: { ...data, isTyping: true } })
    await a.chat.emit('stoppedTyping', { chatId })
    subset(await b.chat.next('stoppedTyping'), { error: false, data })
    subset(await b.chat.next('userTyping'), { data: { ...data, isTyping: false } })
  })

  it('sending ends it', async () => {
    const { a, b, chatId } = await talk()
    await a.chat.emit('typing', { chatId })
    await b.chat.next('typing')
    await a.chat.emit('sendMessage', { chatId, text: 'done' })
    await b.chat.next('stoppedTyping')
  })

  it('disconnecting ends it', async () => {
    const { a, b, chatId } = await talk()
    await a.chat.emit('typing', { chatId })
    await b.chat.next('typing')
    a.close()
    await b.chat.next('stoppedTyping')
  })

  it('six seconds of silence end it', async () => {
    const { a, b, chatId } = await talk()
    await a.chat.emit('typing', { chatId })
    await b.chat.next('typing')
    const began = Date.now()
    await b.chat.next('stoppedTyping')
    const took = Date.now() - began
    assert.ok(took > 4_000 && took < 30_000, `ended after ${took} ms`)
  })
}
