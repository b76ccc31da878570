// A device is one connection of one person, made with the stock client and nothing else. It
// remembers every event from the first, so that a test never races with an answer.
import assert from 'node:assert/strict'
import { Manager } from 'socket.io-client'

export const transports = {
  websocket: ['websocket'],
  polling: ['polling'],
  upgrade: ['polling', 'websocket'], // the client's own default: starts with one, changes to the other
}

const patience = 30_000 // ms; a deadline, not a delay

export class Channel {
  constructor(socket) {
    this.socket = socket
    this.events = [] // {name, body} in order of arrival
    this.all = [] // the same, never consumed
    this.waiting = new Set()
    const keep = (name, body) => {
      const event = { name, body }
      this.events.push(event)
      this.all.push(event)
      for (const look of [...this.waiting]) look()
    }
    socket.onAny(keep)
    socket.on('connect', () => keep('connect'))
    socket.on('connect_error', (err) => keep('connect_error', err))
    socket.on('disconnect', (reason) => keep('disconnect', reason))
  }

  // next takes the first unconsumed event of that name (that matches); the ones before it stay.
  next(name, matches = () => true) {
    return this.#until(`no ${name}`, () => {
      const at = this.events.findIndex((e) => e.name === name && matches(e.body))
      return at < 0 ? undefined : { found: this.events.splice(at, 1)[0].body }
    }).then((r) => r.found)
  }

  // emit sends the event and gives the acknowledgement.
  emit(name, ...args) {
    return this.socket.timeout(patience).emitWithAck(name, ...args)
  }

  // tell sends it without asking for an acknowledgement.
  tell(name, ...args) {
    this.socket.emit(name, ...args)
  }

  names() { return this.events.map((e) => e.name) }

  count(name) { return this.all.filter((e) => e.name === name).length }

  #until(complaint, look) {
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => {
        this.waiting.delete(attempt)
        reject(new Error(`${complaint} within ${patience} ms; unread: ${JSON.stringify(this.events)}`))
      }, patience)
      const attempt = () => {
        const result = look()
        if (result === undefined) return
        clearTimeout(deadline)
        this.waiting.delete(attempt)
        resolve(result)
      }
      this.waiting.add(attempt)
      attempt()
    })
  }
}

export class Device {
  // With silent the heartbeats of the server stay unanswered, as on a connection that has died.
  constructor(server, token, { transport = 'websocket', silent = false, positions, ...options } = {}) {
    this.manager = new Manager(server.url, { transports: transports[transport], reconnection: false, autoConnect: false, ...options })
    this.token = token
    this.silent = silent
    this.positions = positions // what it says it has when it connects
    this.presence = this.channel('/presence')
    this.chat = this.channel('/chat')
  }

  channel(namespace) {
    return new Channel(this.manager.socket(namespace, { auth: { token: this.token, positions: this.positions } }))
  }

  // open connects both namespaces at the same moment, as client applications do, and waits
  // until the chat namespace has sent all it sends by itself.
  async open() {
    this.presence.socket.connect()
    this.chat.socket.connect()
    if (this.silent) {
      const { engine } = this.manager
      const send = engine._sendPacket.bind(engine)
      engine._sendPacket = (type, ...rest) => type === 'pong' ? undefined : send(type, ...rest)
    }
    this.connection = await this.chat.next('connection')
    this.userChats = await this.chat.next('userChats')
    this.offlineMessages = await this.chat.next('offlineMessages')
    return this
  }

  // upgraded waits until the connection that began with polling is a WebSocket.
  async upgraded() {
    const engine = this.manager.engine
    if (engine.transport.name === 'websocket') return
    await new Promise((resolve, reject) => {
      const deadline = setTimeout(() => reject(new Error(`still ${engine.transport.name} after ${patience} ms`)), patience)
      engine.once('upgrade', () => { clearTimeout(deadline); resolve() })
    })
  }

  close() {
    this.presence.socket.disconnect()
    this.chat.socket.disconnect()
    this.manager._close?.()
  }
}

// World hands out people nobody else has, on one server, and closes their devices.
export class World {
  static #last = 1000
  devices = []

  constructor(server) { this.server = server }

  // pair is a customer and a vendor with the same number, on purpose: they are two people.
  pair() {
    const id = ++World.#last
    return { id, customer: this.person('customer', id, 'John Doe'), vendor: this.person('vendor', id, 'Tech Haven') }
  }

  person(userType, userId, name, extra = {}) {
    const token = this.server.token({ userId, userType, name, ...extra })
    return {
      userId, userType, name, token,
      device: (options) => {
        const device = new Device(this.server, token, options)
        this.devices.push(device)
        return device
      },
      open(options) { return this.device(options).open() },
    }
  }

  close() {
    for (const device of this.devices.splice(0)) device.close()
  }
}

// product is the product part of a send, as the original document shows it.
export const product = (recipientId, more = {}) => ({
  productId: '12345',
  text: 'Are you crazy?',
  storeName: 'Tech Haven',
  customerName: 'John Doe',
  storeLogoUrl: 'https://example.com/store-logo.png',
  customerProfilePic: 'https://example.com/buyer-profile.jpg',
  productPrice: '299',
  productName: 'Wireless Headphones',
  recipientId,
  productImageUrl: 'https://example.com/product-image.jpg',
  ...more,
})

export const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
export const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

// subset asserts that every key of want is in got with that value; a RegExp matches a string,
// a function decides. Keys that want does not name may be there: the contract may grow.
export function subset(got, want, path = 'answer') {
  for (const [key, value] of Object.entries(want)) {
    const here = `${path}.${key}`
    assert.ok(got !== null && typeof got === 'object' && key in got, `${here} is missing in ${JSON.stringify(got)}`)
    if (value instanceof RegExp) assert.match(got[key], value, here)
    else if (typeof value === 'function') assert.ok(value(got[key]), `${here} is ${JSON.stringify(got[key])}`)
    else if (value !== null && typeof value === 'object' && !Array.isArray(value)) subset(got[key], value, here)
    else assert.deepEqual(got[key], value, here)
  }
}

// refused asserts a failure: the acknowledgement and the appError event are the same object.
export async function refused(channel, ack, want) {
  subset(ack, { error: true, ...want })
  assert.deepEqual(await channel.next('appError', (e) => e.statusCode === ack.statusCode), ack)
}
