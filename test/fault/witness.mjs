// A witness for the fault harness: the stock client, spoken to in lines of JSON. It is told
// {node, token}, keeps itself connected as the library does, resumes from what it has, and prints
// {via, messages} for everything that comes.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const require = createRequire(new URL('../contract/package.json', import.meta.url))
const { io } = require('socket.io-client')

const whole = new Map() // chat → 1 to n are there
const have = new Map() // chat → places beyond
const say = (via, messages) => process.stdout.write(JSON.stringify({ via, messages }) + '\n')

function take(via, messages) {
  for (const { chatId, seq } of messages) {
    const places = have.get(chatId) ?? have.set(chatId, new Set()).get(chatId)
    places.add(seq)
    let n = whole.get(chatId) ?? 0
    while (places.delete(n + 1)) n++
    whole.set(chatId, n)
  }
  if (messages.length) say(via, messages.map(({ chatId, id, seq, text, clientMessageId }) => ({ chatId, id, seq, text, clientMessageId })))
}

createInterface({ input: process.stdin }).once('line', (line) => {
  const { node, token } = JSON.parse(line)
  const options = { auth: { token }, transports: ['websocket'], reconnectionDelay: 50, reconnectionDelayMax: 500, timeout: 5000 }
  const presence = io(`${node}/presence`, options)
  const chat = io(`${node}/chat`, options)
  for (const s of [presence, chat]) {
    // Refused for now, or told to leave: the library leaves it to the program to come back.
    s.on('connect_error', () => { if (!s.active) setTimeout(() => s.connect(), 200) })
    s.on('disconnect', () => { if (!s.active) setTimeout(() => s.connect(), 200) })
  }
  let chats = []
  chat.on('userChats', ({ data }) => { chats = data.map((c) => c.id) })
  chat.on('receiveMessage', ({ data }) => take('receiveMessage', [data]))
  chat.on('newChat', ({ data }) => take('newChat', data.messages))
  chat.on('offlineMessages', ({ data }) => { take('offlineMessages', data); resume(new Set([...chats, ...whole.keys()])) })
  let resuming = false
  async function resume(ids) {
    if (resuming) return
    resuming = true
    try {
      for (let more = ids.size > 0; more;) {
        const positions = Object.fromEntries([...ids].map((id) => [id, { seq: whole.get(id) ?? 0 }]))
        const { error, data } = await chat.timeout(15000).emitWithAck('resume', { positions })
        if (error) throw new Error('refused')
        for (const part of data) take('', part.messages)
        more = data.some((part) => part.hasMore)
      }
      } catch {
      chat.disconnect() // and back, by the handler above
    } finally {
      resuming = false
    }
  }
})
process.stdin.on('end', () => process.exit(0))
