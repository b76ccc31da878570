// sendMessage: who gets what, where it lands, what ids and prices look like.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { product, refused, subset, time, uuid } from '../lib/device.mjs'

export function sending(at) {
  it('the acknowledgement carries the stored message; the sending socket also gets sentMessage', async () => {
    const { id, customer, vendor } = at.world.pair()
    const [a, b] = [await customer.open(), await vendor.open()]
    const ack = await a.chat.emit('sendMessage', product(id, { clientMessageId: `key-${id}` }))
    subset(ack, { error: false, statusCode: 201, data: {
      id: uuid, messageId: ack.data.id, chatId: uuid, seq: 1, senderId: id, senderType: 'CUSTOMER', text: 'Are you crazy?', messageImages: [],
      timestamp: time, read: false, recipientOnline: true, clientMessageId: `key-${id}`, createdAt: time, updatedAt: time,
    } })
    assert.deepEqual((await a.chat.next('sentMessage')).data, ack.data)
    subset(await b.chat.next('newChat'), { data: { id: ack.data.chatId, vendorId: id, customerId: id, lastSeq: 1, unreadCount: 1 } })
    const reply = await b.chat.emit('sendMessage', { chatId: ack.data.chatId, text: 'No.' })
    subset(reply.data, { seq: 2, senderType: 'VENDOR', senderId: id })
    subset((await a.chat.next('receiveMessage')).data, { seq: 2, text: 'No.', messageId: reply.data.id })
  })

  it('several devices of both sides: everyone but the sending socket gets it, once', async () => {
    const { id, customer, vendor } = at.world.pair()
    const [a1, a2, b1, b2] = [await customer.open(), await customer.open({ transport: 'polling' }), await vendor.open(), await vendor.open()]
    const first = await a1.chat.emit('sendMessage', product(id))
    for (const device of [a2, b1, b2]) subset(await device.chat.next('newChat'), { data: { id: first.data.chatId } })
    const second = await b1.chat.emit('sendMessage', { chatId: first.data.chatId, text: 'two' })
    const third = await b1.chat.emit('sendMessage', { chatId: first.data.chatId, text: 'three' })
    for (const device of [a1, a2, b2]) {
      assert.equal((await device.chat.next('receiveMessage')).data.id, second.data.id)
      assert.equal((await device.chat.next('receiveMessage')).data.id, third.data.id)
    }
    assert.deepEqual([a1.chat.count('newChat'), b1.chat.count('receiveMessage'), a1.chat.count('sentMessage'), a2.chat.count('sentMessage')], [0, 0, 1, 0])
    for (const device of [a1, a2, b2]) assert.equal(device.chat.count('receiveMessage'), 2)
  })

  it('one chat for one product, vendor and customer; another product is another chat', async () => {
    const { id, customer, vendor } = at.world.pair()
    const [a, b] = [await customer.open(), await vendor.open()]
    const one = await a.chat.emit('sendMessage', product(id))
    const again = await a.chat.emit('sendMessage', product(id, { text: 'again' }))
    const other = await a.chat.emit('sendMessage', product(id, { productId: '777' }))
    assert.equal(again.data.chatId, one.data.chatId)
    assert.deepEqual([one.data.seq, again.data.seq, other.data.seq], [1, 2, 1])
    assert.notEqual(other.data.chatId, one.data.chatId)
    await b.chat.next('newChat', (e) => e.data.productId === '777')
    assert.equal(b.chat.count('newChat'), 2)
  })

  it('two first messages at the same moment make one chat', async () => {
    const { id, customer } = at.world.pair()
    const [a1, a2] = [await customer.open(), await customer.open()]
    const acks = await Promise.all(Array.from({ length: 10 }, (_, n) => (n % 2 ? a1 : a2).chat.emit('sendMessage', product(id, { text: `n${n}` }))))
    assert.equal(new Set(acks.map((r) => r.data.chatId)).size, 1)
    assert.deepEqual(acks.map((r) => r.data.seq).sort((x, y) => x - y), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  it('a vendor may open a chat; the recipient is then the customer', async () => {
    const { id, customer, vendor } = at.world.pair()
    const [a, b] = [await customer.open(), await vendor.open()]
    const ack = await b.chat.emit('sendMessage', product(id))
    subset(ack.data, { senderType: 'VENDOR', seq: 1 })
    subset(await a.chat.next('newChat'), { data: { customerId: id, vendorId: id } })
    const back = await a.chat.emit('sendMessage', product(id, { text: 'yes?' }))
    assert.equal(back.data.chatId, ack.data.chatId)
  })

  it('ids come in as numbers or strings and are the same; ids that are no numbers stay strings', async () => {
    const { id, customer, vendor } = at.world.pair()
    const [a, b] = [await customer.open(), await vendor.open()]
    const number = await a.chat.emit('sendMessage', product(id, { productId: 12345 }))
    const string = await a.chat.emit('sendMessage', product(String(id), { productId: '12345' }))
    assert.equal(number.data.chatId, string.data.chatId)
    assert.strictEqual(number.data.senderId, id)
    const opened = await b.chat.next('newChat')
    assert.strictEqual(opened.data.productId, '12345')
    assert.strictEqual(opened.data.vendorId, id)
    const named = at.world.person('customer', `user-${id}`, 'Ann')
    const c = await named.open()
    const ack = await c.chat.emit('sendMessage', product(id))
    assert.strictEqual(ack.data.senderId, `user-${id}`)
    assert.strictEqual((await b.chat.next('newChat')).data.customerId, `user-${id}`)
    const padded = await at.world.person('customer', `0${id}`, 'Zero').open()
    assert.strictEqual((await padded.chat.emit('sendMessage', product(id))).data.senderId, `0${id}`)
  })

  it('prices come in as number or string, stay exact and go out as a string', async () => {
    const { id, customer } = at.world.pair()
    const a = await customer.open()
    for (const [n, [price, shown]] of [[299, '299'], ['299.99', '299.99'], [0.1, '0.1'], ['299.90', '299.90']].entries()) {
      await a.chat.emit('sendMessage', product(id, { productId: `p${n}`, productPrice: price }))
      const { data } = await a.chat.emit('joinChat', { productId: `p${n}`, recipientId: id })
      assert.strictEqual(data.productPrice, shown)
    }
  })

  it('what a client says of itself is not believed', async () => {
    const { id, customer, vendor } = at.world.pair()
    const [a, b] = [await customer.open(), await vendor.open()]
    await a.chat.emit('sendMessage', product(id, { senderId: 999, senderType: 'VENDOR', userType: 'vendor', customerId: 999, vendorId: 999, seq: 50, id: 'x', read: true }))
    const { data } = await b.chat.next('newChat')
    subset(data, { customerId: id, vendorId: id, lastSeq: 1 })
    subset(data.messages[0], { senderId: id, senderType: 'CUSTOMER', seq: 1, read: false, id: uuid })
  })

  it('the card of a chat is what the first message said', async () => {
    const { id, customer } = at.world.pair()
    const a = await customer.open()
    const { data: { chatId } } = await a.chat.emit('sendMessage', product(id))
    await a.chat.emit('sendMessage', product(id, { storeName: 'Evil Inc', productName: 'Free gold', productPrice: '0' }))
    const { data } = await a.chat.emit('joinChat', { chatId })
    subset(data, { storeName: 'Tech Haven', productName: 'Wireless Headphones', productPrice: '299', productVerified: false })
  })

  it('the catalogue wins over what a client shows', async () => {
    const { id, customer, vendor } = at.world.pair()
    const productId = `sku-${id}`
    const put = await at.server.rest('PUT', `/api/v1/products/${productId}`, { token: at.server.serviceToken, body: {
      name: 'Real name', price: '19.90', currency: 'EUR', imageUrl: 'https://example.com/real.png', vendorId: id, storeName: 'Real store' } })
    assert.ok(put.status === 200 || put.status === 201, JSON.stringify(put.body))
    const [a, b] = [await customer.open(), await vendor.open()]
    await a.chat.emit('sendMessage', product(id, { productId }))
    subset(await b.chat.next('newChat'), { data: { productName: 'Real name', productPrice: '19.90', storeName: 'Real store', productVerified: true } })
    const wrong = await a.chat.emit('sendMessage', product(id + 100000, { productId }))
    await refused(a.chat, wrong, { statusCode: 400 })
  })

  it('the same clientMessageId gives the first result; other content is refused', async () => {
    const { id, customer, vendor } = at.world.pair()
    const [a, b] = [await customer.open(), await vendor.open()]
    const once = await a.chat.emit('sendMessage', product(id, { clientMessageId: 'k1' }))
    const twice = await a.chat.emit('sendMessage', product(id, { clientMessageId: 'k1' }))
    assert.equal(twice.data.id, once.data.id)
    assert.equal(twice.data.seq, 1)
    assert.equal(twice.data.duplicate ?? twice.duplicate, true)
    await refused(a.chat, await a.chat.emit('sendMessage', product(id, { clientMessageId: 'k1', text: 'other' })), { statusCode: 409 })
    const theirs = await b.chat.emit('sendMessage', { chatId: once.data.chatId, text: 'mine', clientMessageId: 'k1' })
    subset(theirs.data, { seq: 2 }) // keys are each sender's own
    assert.equal((await a.chat.next('receiveMessage')).data.seq, 2)
    assert.equal(b.chat.count('newChat') + b.chat.count('receiveMessage'), 1)
  })

  it('two hundred pipelined messages keep their order', async () => {
    const { id, customer, vendor } = at.world.pair()
    const [a, b] = [await customer.open(), await vendor.open()]
    const { data: { chatId } } = await a.chat.emit('sendMessage', product(id))
    const texts = Array.from({ length: 200 }, (_, n) => `message ${n}`)
    const acks = await Promise.all(texts.map((text) => a.chat.emit('sendMessage', { chatId, text })))
    assert.deepEqual(acks.map((r) => r.data.seq), texts.map((_, n) => n + 2))
    await b.chat.next('receiveMessage', (e) => e.data.seq === 201)
    const got = b.chat.all.filter((e) => e.name === 'receiveMessage').map((e) => e.body.data.text)
    assert.deepEqual(got, texts)
  })
}
