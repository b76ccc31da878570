// Who is there: one presence for all of a person's devices, told to those who share a chat.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { product, subset, time } from '../lib/device.mjs'

export function presence(at) {
  async function acquainted() {
    const { id, customer, vendor } = at.world.pair()
    const [a, b] = [await customer.open(), await vendor.open()]
    const { data: { chatId } } = await a.chat.emit('sendMessage', product(id))
    return { id, customer, vendor, a, b, chatId }
  }

  it('connection is emitted in both namespaces', async () => {
    const { customer } = at.world.pair()
    const a = await customer.open()
    const want = { error: false, message: 'User connected', statusCode: 200, data: { userId: customer.userId, userType: 'customer' } }
    subset(a.connection, want)
    subset(await a.presence.next('connection'), want)
  })

  it('online and offline are told in both namespaces, offline only after the last device', async () => {
    const { id, customer, a, b } = await acquainted()
    const second = await customer.open()
    a.close()
    await second.chat.emit('getUserChats') // still there
    const away = b.chat.next('userIsOffline')
    second.close()
    const want = { error: false, message: 'User has gone offline', statusCode: 200, data: { userId: id, userType: 'customer', lastSeen: time } }
    subset(await away, want)
    subset(await b.presence.next('userIsOffline'), want)
    assert.equal(b.chat.count('userIsOffline'), 1)
    await customer.open()
    for (const channel of [b.chat, b.presence]) subset(await channel.next('userIsOnline'), { error: false, data: { userId: id, userType: 'customer' } })
  })

  it('a short absence is no absence', async () => {
    const { customer, a, b, chatId } = await acquainted()
    a.close()
    const again = await customer.open()
    await again.chat.emit('sendMessage', { chatId, text: 'sentinel' })
    await b.chat.next('receiveMessage')
    assert.equal(b.chat.count('userIsOffline'), 0)
  })

  it('strangers hear nothing, and may not ask', async () => {
    const { id, a, b } = await acquainted()
    const stranger = await at.world.pair().customer.open()
    const users = [{ userId: id, userType: 'customer' }, { userId: id, userType: 'vendor' }]
    const asked = await b.presence.emit('getPresence', { users })
    subset(asked, { error: false, statusCode: 200 })
    assert.equal(asked.data.find((u) => u.userType === 'customer')?.online, true, JSON.stringify(asked))
    const refusedToTell = await stranger.presence.emit('getPresence', { users })
    assert.ok(refusedToTell.statusCode === 404 || refusedToTell.data.length === 0, JSON.stringify(refusedToTell))
    a.close()
    await b.presence.next('userIsOffline')
    await stranger.chat.emit('getUserChats')
    for (const channel of [stranger.presence, stranger.chat]) assert.deepEqual(channel.names().filter((n) => n.startsWith('userIs')), [])
  })
}
