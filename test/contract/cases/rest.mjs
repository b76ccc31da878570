// REST beside the sockets: the same rules, the same answers.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Device, product, subset, uuid } from '../lib/device.mjs'

export function rest(at) {
  it('a message sent by REST arrives live; the Idempotency-Key is the clientMessageId', async () => {
    const { id, customer, vendor } = at.world.pair()
    const b = await vendor.open()
    const send = (body, key) => at.server.rest('POST', '/api/v1/chats/messages', { token: customer.token, body, headers: { 'Idempotency-Key': key } })
    const { text, productId, recipientId, storeName, productName, productPrice } = product(id)
    const body = { text, productId, recipientId, storeName, productName, productPrice }
    const sent = await send(body, 'r1')
    assert.equal(sent.status, 201, JSON.stringify(sent.body))
    subset(sent.body, { error: false, statusCode: 201, data: { id: uuid, seq: 1, senderType: 'CUSTOMER', clientMessageId: 'r1' } })
    subset(await b.chat.next('newChat'), { data: { id: sent.body.data.chatId } })
    const again = await send(body, 'r1')
    assert.equal(again.body.data.id, sent.body.data.id)
    assert.equal((await send({ ...body, text: 'other' }, 'r1')).status, 409)
  })

  it('lists, pages, reads and deletes as the events do', async () => {
    const { id, customer, vendor } = at.world.pair()
    const [a, b] = [await customer.open(), await vendor.open()]
    const { data: { chatId, id: messageId } } = await a.chat.emit('sendMessage', product(id))
    const get = async (path, token = vendor.token) => (await at.server.rest('GET', `/api/v1${path}`, { token })).body
    subset((await get('/chats')).data[0], { id: chatId, unreadCount: 1 })
    subset((await get(`/chats/${chatId}`)).data, { id: chatId })
    subset((await get(`/chats/${chatId}/messages?limit=1`)).data[0], { id: messageId, seq: 1 })
    subset((await get(`/chats/by-product/12345/${id}/${id}`)).data, { id: chatId })
    subset(await get(`/chats/${chatId}`, at.world.pair().customer.token), { error: true, statusCode: 404, message: 'Chat was not found' })
    const read = await at.server.rest('POST', `/api/v1/chats/${chatId}/read`, { token: vendor.token, body: {} })
    assert.equal(read.status, 200, JSON.stringify(read.body))
    subset(await a.chat.next('updateReadReceipts'), { data: { readSeq: 1 } })
    const gone = await at.server.rest('DELETE', `/api/v1/chats/${chatId}/messages/${messageId}`, { token: customer.token })
    assert.equal(gone.status, 200, JSON.stringify(gone.body))
    subset(await b.chat.next('messageDeleted'), { data: { messageId } })
  })

  it('failures are the envelope and a problem document; admin routes are for admins', async () => {
    const { customer } = at.world.pair()
    const get = (path, token) => at.server.rest('GET', path, { token })
    for (const [path, token, status] of [
      ['/api/v1/chats', undefined, 401], ['/api/v1/admin/chats', undefined, 401], ['/api/v1/admin/chats', customer.token, 403],
      ['/api/v1/nothing', customer.token, 404], ['/api/v1/chats?limit=x', customer.token, 400],
    ]) {
      const { status: got, body, headers } = await get(path, token)
      assert.equal(got, status, `${path}: ${JSON.stringify(body)}`)
      subset(body, { error: true, statusCode: status, status })
      assert.match(headers.get('content-type'), /^application\/problem\+json/)
    }
  })

  it('an admin reads without a trace for the two sides, with one in the audit log', async () => {
    const { id, customer, vendor } = at.world.pair()
    const [a, b] = [await customer.open(), await vendor.open()]
    const { data: { chatId, id: messageId } } = await a.chat.emit('sendMessage', product(id, { text: 'for the record' }))
    await a.chat.emit('deleteMessage', { chatId, messageId })
    const token = at.server.token({ userId: 1, userType: 'admin' })
    const get = async (path) => {
      const { status, body } = await at.server.rest('GET', `/api/v1/admin${path}`, { token })
      assert.equal(status, 200, `${path}: ${JSON.stringify(body)}`)
      return body
    }
    subset((await get(`/chats?vendorId=${id}`)).data, { length: 1 })
    const { data } = await get(`/chats/${chatId}`)
    subset(data.chat ?? data, { id: chatId, customerId: id, vendorId: id })
    assert.equal((await get(`/chats/${chatId}/messages`)).data[0].text, 'for the record')
    assert.match(await get(`/chats/${chatId}/transcript?format=text`), /for the record/)
    await get('/stats')
    assert.ok((await get('/audit?limit=100')).data.some((e) => JSON.stringify(e).includes(chatId)))
    await b.chat.emit('getUserChats')
    assert.equal(a.chat.count('updateReadReceipts') + b.chat.count('updateReadReceipts'), 0)
  })

  it('chaffer token mints what the server accepts', async () => {
    const binary = process.env.CHAFFER_BIN || fileURLToPath(new URL('../../../bin/chaffer', import.meta.url))
    const { id } = at.world.pair()
    const token = execFileSync(binary, ['token', '--type', 'customer', '--id', String(id), '--name', 'John Doe'], { env: at.server.env, encoding: 'utf8' }).trim()
    const device = await new Device(at.server, token).open()
    subset(device.connection, { data: { userId: id, userType: 'customer' } })
    device.close()
  })
}
