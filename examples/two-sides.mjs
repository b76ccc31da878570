// Both sides of one conversation, with the stock client. While `make run` is up, in another shell:
//
//   npm ci --prefix examples && node examples/two-sides.mjs [http://127.0.0.1:3000]
//
// Tokens come from CUSTOMER_TOKEN and VENDOR_TOKEN, else from `bin/chaffer token` (development only).
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { io } from 'socket.io-client'

const server = process.argv[2] ?? 'http://127.0.0.1:3000'
const binary = fileURLToPath(new URL('../bin/chaffer', import.meta.url))

function token(type, name) {
  const given = process.env[`${type.toUpperCase()}_TOKEN`]
  return given ?? execFileSync(binary, ['token', '--type', type, '--id', '2', '--name', name], { encoding: 'utf8' }).trim()
}

// join opens both namespaces over one connection: /presence says "I am here", /chat talks.
function join(type, name) {
  const say = (what) => console.log(`${name.padEnd(10)} ${what}`)
  const options = { auth: { token: token(type, name) }, forceNew: true }
  const presence = io(`${server}/presence`, options)
  const chat = presence.io.socket('/chat', { auth: options.auth })
  chat.on('connection', () => say('is connected'))
  chat.on('userChats', ({ data }) => say(`has ${data.length} chats, ${data.reduce((n, c) => n + c.unreadCount, 0)} unread`))
  chat.on('offlineMessages', ({ data }) => say(`missed ${data.length} messages`))
  chat.on('newChat', ({ data }) => say(`sees a new chat about ${data.productName}: “${data.messages[0].text}”`))
  chat.on('receiveMessage', ({ data }) => say(`reads “${data.text}” (message ${data.seq})`))
  chat.on('typing', () => say('sees the other side typing'))
  chat.on('updateReadReceipts', ({ data }) => say(`sees that the ${data.readerType} has read up to ${data.readSeq}`))
  for (const socket of [presence, chat]) {
    socket.on('appError', ({ message, statusCode }) => say(`is refused: ${message} (${statusCode})`))
  }
  presence.once('connect_error', ({ message }) => say(`cannot connect to ${server} yet: ${message}`))
  const ready = new Promise((resolve) => chat.once('offlineMessages', resolve))
  return { chat, ready, close: () => { presence.disconnect(); chat.disconnect() } }
}

// send gives the acknowledgement of a stored message. The key makes it safe to try again.
async function send(side, payload) {
  const answer = await side.chat.timeout(5000).emitWithAck('sendMessage', { clientMessageId: randomUUID(), ...payload })
  if (answer.error) throw new Error(`${answer.message} (${answer.statusCode})`)
  return answer.data
}

const heard = (side, event) => new Promise((resolve) => side.chat.once(event, resolve))

const customer = join('customer', 'John Doe')
const vendor = join('vendor', 'Tech Haven')
const lost = setTimeout(() => { console.error('nothing happened for 15 seconds'); process.exit(1) }, 15_000)
await Promise.all([customer.ready, vendor.ready])

const first = await send(customer, {
  productId: '12345', recipientId: 2, text: 'Is it still available?',
  productName: 'Wireless Headphones', productPrice: '299.99', storeName: 'Tech Haven', customerName: 'John Doe',
})
const { chatId } = first
await vendor.chat.timeout(5000).emitWithAck('joinChat', { chatId })
const typing = heard(customer, 'typing')
await vendor.chat.timeout(5000).emitWithAck('typing', { chatId })
await typing
const reply = heard(customer, 'receiveMessage')
await send(vendor, { chatId, text: 'Yes, two left.' })
await reply
const receipt = new Promise((resolve) => vendor.chat.on('updateReadReceipts', ({ data }) => data.readerType === 'customer' && resolve()))
await customer.chat.timeout(5000).emitWithAck('markAsRead', { chatId })
await receipt
clearTimeout(lost)
customer.close()
vendor.close()
