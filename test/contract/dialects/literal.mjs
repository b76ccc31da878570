// What a client has that knows one document and the server's address, and nothing else of us.
import { after } from 'node:test'
import { io } from 'socket.io-client'

export function literally(at) {
  const sockets = []
  after(() => { for (const s of sockets) s.close() })
  return {
    connect: (path, options) => {
      const socket = io(at.server.url + path, { forceNew: true, reconnection: false, ...options })
      sockets.push(socket)
      return socket
    },
    once: (socket, event) => new Promise((resolve, reject) => {
      const deadline = setTimeout(() => reject(new Error(`no ${event}`)), 30_000)
      socket.once(event, (body) => { clearTimeout(deadline); resolve(body) })
    }),
    token: (who) => ({ auth: { token: who.token } }),
  }
}
