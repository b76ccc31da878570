// Who gets in: the token, and the rule that /presence comes first.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { io } from 'socket.io-client'
import { Channel, Device, subset, transports } from '../lib/device.mjs'
import { Server } from '../lib/server.mjs'

export function gate(at) {
  for (const transport of Object.keys(transports)) {
    it(`/chat without /presence is refused after the wait, over ${transport}`, async () => {
      const device = at.world.pair().customer.device({ transport })
      device.chat.socket.connect()
      subset(await device.chat.next('appError'), { error: true, message: 'Connect to the presence namespace first', statusCode: 403 })
      assert.equal(await device.chat.next('disconnect'), 'io server disconnect')
      assert.deepEqual(device.chat.all.map((e) => e.name), ['connect', 'appError', 'disconnect'])
      device.close()
    })

    it(`a token that is not valid is told so and cut, over ${transport}`, async () => {
      // A server of its own: an address that fails too often in a minute is not listened to.
      const server = await Server.start(at.database)
      try {
        const claims = { userId: 2, userType: 'customer' }
        const good = server.token(claims)
        const bad = {
          'none at all': undefined,
          empty: '',
          'not a token': 'hello',
          'another signature': good.slice(0, -4) + (good.endsWith('AAAA') ? 'BBBB' : 'AAAA'),
          expired: server.token(claims, -60),
          'no expiry': server.token({ ...claims, exp: undefined }),
          'no id': server.token({ userType: 'customer' }),
          'an unknown type': server.token({ userId: 2, userType: 'robot' }),
        }
        for (const [n, [what, token]] of Object.entries(bad).entries()) {
          const device = new Device(server, token, { transport })
          const channel = n % 2 ? device.presence : device.chat
          channel.socket.connect()
          subset(await channel.next('appError'), { error: true, statusCode: 401 }, what)
          assert.equal(await channel.next('disconnect'), 'io server disconnect', what)
          assert.deepEqual(channel.all.map((e) => e.name), ['connect', 'appError', 'disconnect'], what)
          device.close()
        }
      } finally {
        await server.stop()
      }
    })
  }

  it('both namespaces opened at the same moment, the chat first', async () => {
    const device = at.world.pair().customer.device()
    device.chat.socket.connect()
    device.presence.socket.connect()
    await device.chat.next('offlineMessages')
    device.close()
  })

  it('the presence of somebody else does not open the door', async () => {
    const { customer, vendor } = at.world.pair()
    const asCustomer = await customer.open()
    const mixed = new Channel(asCustomer.manager.socket('/chat2', {})) // a namespace that does not exist, refused by name
    mixed.socket.connect()
    assert.match((await mixed.next('connect_error')).message, /Invalid namespace/)
    const alone = vendor.device()
    alone.chat.socket.connect()
    subset(await alone.chat.next('appError'), { statusCode: 403 })
    alone.close()
    asCustomer.close()
  })

  it('the token is accepted with "Bearer ", and from the Authorization header; not from the query', async () => {
    const { customer, vendor } = at.world.pair()
    const prefixed = new Device(at.server, `Bearer ${customer.token}`)
    await prefixed.open()
    prefixed.close()
    const header = new Device(at.server, undefined, { extraHeaders: { authorization: `Bearer ${vendor.token}` } })
    await header.open()
    header.close()
    const query = new Device(at.server, undefined, { query: { token: customer.token } })
    query.presence.socket.connect()
    subset(await query.presence.next('appError'), { statusCode: 401 })
    query.close()
  })

  it('claims: id or sub for userId, role for userType, in any case', async () => {
    const { id } = at.world.pair()
    for (const claims of [{ id, role: 'CUSTOMER' }, { sub: String(id), role: 'customer' }, { userId: String(id), userType: 'Customer' }]) {
      const device = await new Device(at.server, at.server.token(claims)).open()
      subset(device.connection, { error: false, message: 'User connected', data: { userId: id, userType: 'customer' } })
      device.close()
    }
  })

  it('io(url) as in every tutorial: both namespaces share a connection', async () => {
    const { customer } = at.world.pair()
    const options = { auth: { token: customer.token }, forceNew: false }
    const presence = io(`${at.server.url}/presence`, options)
    const chat = new Channel(io(`${at.server.url}/chat`, options))
    subset(await chat.next('userChats'), { error: false, data: [] })
    assert.equal(presence.io, chat.socket.io)
    presence.disconnect()
    chat.socket.disconnect()
  })

  it('refreshToken extends the session; another identity ends it', async () => {
    const { customer, vendor } = at.world.pair()
    const claims = { userId: customer.userId, userType: 'customer' }
    const device = await customer.open()
    subset(await device.chat.emit('refreshToken', { token: at.server.token(claims, 7200) }), { error: false, statusCode: 200 })
    const ack = device.chat.emit('refreshToken', { token: vendor.token }).catch(() => undefined)
    subset(await device.chat.next('appError'), { error: true, statusCode: 403 })
    await device.chat.next('disconnect')
    await ack
    device.close()
  })
}
