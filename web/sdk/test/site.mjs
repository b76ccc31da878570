// The real server with a TCP proxy in front of it that can be cut.
import { connect, createServer } from 'node:net'
import { Server } from '../../../test/contract/lib/server.mjs'
import { createChatClient } from '../dist/index.js'

export class Site {
  #sockets = new Set()
  #clients = []
  #proxy
  cutOff = false

  static async start(env) {
    const site = new Site()
    site.server = await Server.start('sqlite', env)
    site.#proxy = createServer((near) => {
      if (site.cutOff) return near.destroy()
      const far = connect(site.server.port, '127.0.0.1')
      site.#sockets.add(near).add(far)
      const end = () => { near.destroy(); far.destroy(); site.#sockets.delete(near); site.#sockets.delete(far) }
      near.on('error', end).on('close', end).pipe(far)
      far.on('error', end).on('close', end).pipe(near)
    })
    await new Promise((resolve) => site.#proxy.listen(0, '127.0.0.1', resolve))
    site.url = `http://127.0.0.1:${site.#proxy.address().port}`
    return site
  }

  cut() {
    this.cutOff = true
    for (const s of this.#sockets) s.destroy()
  }

  // silence keeps connections open and lets nothing through any more, as a dead mobile link does.
  silence() { for (const s of this.#sockets) { s.unpipe(); s.resume() } }

  mend() { this.cutOff = false }

  // client is a connected client of somebody; `seen` collects the texts of its message events.
  client(userType, userId, options = {}) {
    const { ttl = 3600, ...rest } = options
    const client = createChatClient({
      url: this.url, storage: null, answerTimeout: 1500,
      getToken: () => this.server.token({ userType, userId, name: `${userType} ${userId}` }, ttl), ...rest,
    })
    client.seen = []
    client.on('message', ({ message }) => client.seen.push(message.text))
    this.#clients.push(client)
    return client
  }

  async stop() {
    for (const c of this.#clients) c.close()
    this.cut()
    await new Promise((resolve) => this.#proxy.close(resolve))
    await this.server.stop()
  }
}

// until waits for a condition that an event of the client may have made true.
export function until(client, what, condition, ms = 30_000) {
  const names = ['status', 'identity', 'synced', 'chat', 'message', 'deleted', 'read', 'delivered', 'typing', 'presence', 'unread', 'outbox', 'error']
  return new Promise((resolve, reject) => {
    const offs = []
    const look = () => {
      const found = condition()
      if (!found) return
      clearTimeout(deadline)
      for (const off of offs) off()
      resolve(found)
    }
    const deadline = setTimeout(() => {
      for (const off of offs) off()
      reject(new Error(`${what}: not within ${ms} ms; status ${client.status}, seen ${JSON.stringify(client.seen)}`))
    }, ms)
    for (const name of names) offs.push(client.on(name, look))
    look()
  })
}

export const online = (client) => until(client.connect(), 'online and synced', () => client.status === 'online' && client.me)

// memory is a storage that outlives a client, as localStorage outlives a page.
export function memory() {
  const map = new Map()
  return {
    get length() { return map.size },
    key: (i) => [...map.keys()][i] ?? null,
    getItem: (k) => map.get(k) ?? null,
    setItem: (k, v) => { map.set(k, v) },
    removeItem: (k) => { map.delete(k) },
  }
}
