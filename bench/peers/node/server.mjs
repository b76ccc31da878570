// A chat server as a good Node engineer writes it: Socket.IO, Postgres, JWT, presence first.
//
// STORE=single stores each message in a transaction of its own (UPDATE, INSERT, COMMIT).
// STORE=group gathers what waits while the last transaction runs and stores it with one statement.
//
// It does less than Chaffer does: no idempotent keys, no delivered or read positions, no unread
// counts, no limits, no offline delivery, no search. What it does is durable and in order.
import { createServer } from 'node:http'
import { randomUUID } from 'node:crypto'
import jwt from 'jsonwebtoken'
import pg from 'pg'
import { Server } from 'socket.io'
import { openStore } from './store.mjs'

const { PORT = '3000', DATABASE_URL, JWT_SECRET, STORE = 'single', POOL = '10' } = process.env
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: Number(POOL) })
const store = await openStore(pool, STORE)

const http = createServer((_, res) => res.end('ok'))
const io = new Server(http, { perMessageDeflate: false, serveClient: false, pingInterval: 20_000, pingTimeout: 25_000, maxHttpBufferSize: 64 << 10 })
const room = (type, id) => `${type}:${id}`
const online = new Map() // room → sockets in /presence

function authenticate(socket, next) {
  try {
    const claims = jwt.verify(socket.handshake.auth.token, JWT_SECRET, { algorithms: ['HS256'] })
    socket.data.type = claims.userType
    socket.data.id = String(claims.userId)
    socket.data.room = room(claims.userType, claims.userId)
    next()
  } catch {
    next(new Error('unauthorized'))
  }
}

io.of('/presence').use(authenticate).on('connection', (socket) => {
  const me = socket.data.room
  online.set(me, (online.get(me) ?? 0) + 1)
  socket.on('disconnect', () => {
    const left = online.get(me) - 1
    if (left) online.set(me, left)
    else online.delete(me)
  })
  socket.emit('connection', { message: 'connected' })
})

const chat = io.of('/chat')
chat.use(authenticate).on('connection', (socket) => {
  const { type, id, room: me } = socket.data
  if (!online.has(me)) {
    socket.emit('appError', { error: true, statusCode: 403, message: 'connect to /presence first' })
    socket.disconnect()
    return
  }
  socket.join(me)
  socket.emit('userChats', { data: [] })
  socket.emit('offlineMessages', { data: [] })
  socket.on('sendMessage', async (body, ack) => {
    try {
      const { productId, recipientId, text } = body
      if (typeof text !== 'string' || !text.trim() || text.length > 4000) throw new Error('text must have 1 to 4000 characters')
      const other = type === 'customer' ? 'vendor' : 'customer'
      const [customer, vendor] = type === 'customer' ? [id, recipientId] : [recipientId, id]
      const stored = await store({ id: randomUUID(), product: productId, customer: String(customer), vendor: String(vendor), type, sender: id, text })
      const message = { id: stored.id, chatId: stored.chatId, seq: stored.seq, senderType: type, senderId: id, text, createdAt: stored.at }
      chat.to(room(other, recipientId)).emit('receiveMessage', message)
      ack?.({ error: false, data: message })
    } catch (err) {
      ack?.({ error: true, message: err.message })
    }
  })
})

http.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on ${PORT}`))
process.on('SIGTERM', () => { io.close(); http.close(); void pool.end().then(() => process.exit(0)) })
