// A client of one of the other contracts: the stock client on one namespace, and fetch.
import assert from 'node:assert/strict'
import { Manager } from 'socket.io-client'
import { Channel, transports } from '../lib/device.mjs'

export class Client {
  constructor(server, token, { transport = server.transport ?? 'websocket', namespace = '/', auth = { token }, query } = {}) {
    this.server = server
    this.token = token
    this.manager = new Manager(server.url, { transports: transports[transport], reconnection: false, autoConnect: false, query })
    this.channel = new Channel(this.manager.socket(namespace, { auth }))
  }

  async open() {
    this.channel.socket.connect()
    await this.channel.next('connect')
    return this
  }

  rest(method, path, body) { return this.server.rest(method, path, { token: this.token, body }) }

  // quiet asserts that nothing of that name has come once what was sent before it has been answered.
  async quiet(name, until) {
    await until()
    assert.equal(this.channel.count(name), 0, `${name} was not meant for this client`)
  }

  close() {
    this.channel.socket.disconnect()
    this.manager._close?.()
  }
}

// People hands out members nobody else has and closes their clients.
export class People {
  static #last = 50_000
  clients = []

  constructor(server, options) {
    this.server = server
    this.options = options
  }

  // one is somebody without a type in their token, as these contracts' tokens are.
  one(name = 'Somebody', claims = {}) {
    const userId = ++People.#last
    const token = this.server.token({ userId, name, ...claims })
    return {
      id: String(userId), number: userId, name, token,
      rest: (method, path, body) => this.server.rest(method, path, { token, body }),
      open: (options) => {
        const client = new Client(this.server, token, { ...this.options, ...options })
        this.clients.push(client)
        return client.open()
      },
    }
  }

  close() { for (const client of this.clients.splice(0)) client.close() }
}
