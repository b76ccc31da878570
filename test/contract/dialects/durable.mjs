// What is acknowledged is there after kill -9, in every contract; and without DIALECTS there is none.
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { Server } from '../lib/server.mjs'
import { Client, People } from './client.mjs'
import { sessions } from './expresschat/account.mjs'

const names = 'oneonone,expresschat,nestchat,messaging'

export function durable(database) {
  const at = {}
  before(async () => {
    at.server = await Server.start(database, { DIALECTS: '' })
    at.people = new People(at.server)
  })
  after(async () => {
    at.people?.close()
    await at.server?.stop()
  })
  const { account, open, greeted } = sessions(at)
  const nest = { namespace: '/chat', query: { dialect: 'nestchat' } }
  const texts = Array.from({ length: 10 }, (_, n) => `acknowledged ${n}`)

  it('without DIALECTS there is no other contract', async () => {
    const a = at.people.one()
    for (const [method, path] of [
      ['POST', '/api/v1/conversations'], ['POST', '/signup'], ['POST', '/login'], ['GET', '/Verify'], ['POST', '/chats'], ['GET', '/api/conversation'], ['POST', '/api/message'],
    ]) assert.equal((await a.rest(method, path, method === 'POST' ? {} : undefined)).status, 404, path)
    const client = new Client(at.server, a.token)
    client.channel.socket.connect()
    await client.channel.next('connect_error') // there is no namespace /
    client.close()
    await at.server.end()
    at.server.env.DIALECTS = names
    await at.server.run()
  })

  it('what every contract has acknowledged is there after kill -9, and what was missed comes once, in order', async () => {
    const who = await account('Ann')
    const [b, c] = [at.people.one('Bob'), at.people.one('Cleo')]
    const chat = (await b.rest('POST', '/api/conversation', { participants: [c.id] })).body._id
    const number = (await b.rest('POST', '/chats', { user2_id: c.number })).body.id
    const [sb, sn, sx] = [await b.open(), await b.open(nest), await greeted(who)]
    sx.channel.tell('create-personal-chat', { Receiver: c.id })
    const { ChatId } = await sx.channel.next('create-personal-chat-creator')
    const sends = texts.flatMap((text) => [
      sb.channel.emit('send_message', { conversationId: chat, content: `messaging ${text}` }),
      sn.channel.emit('sendMessage', { convId: number, message: { message: `nestchat ${text}` } }),
      sx.channel.emit('send-personal-message', { ChatId, Content: `expresschat ${text}` }),
      sx.channel.emit('send-self-message', { Content: `self ${text}` }),
      b.rest('POST', '/api/v1/conversations/messages', { conversationId: chat, message: `oneonone ${text}` }).then((r) => ({ success: r.status === 201 })),
      b.rest('POST', `/chats/${number}/message`, { message: `chats ${text}` }).then((r) => ({ success: r.status === 201 })),
      b.rest('POST', '/api/message', { conversationId: chat, content: `rest ${text}` }).then((r) => ({ success: r.status === 201 })),
    ])
    for (const answer of await Promise.all(sends)) assert.equal(answer.success, true)
    await at.server.end('SIGKILL')
    await at.server.run()

    const of = (...kinds) => kinds.flatMap((kind) => texts.map((text) => `${kind} ${text}`)).toSorted()
    const stored = (await c.rest('GET', `/api/message/${chat}?limit=100`)).body.map((m) => m.content)
    assert.deepEqual(stored.toSorted(), of('messaging', 'nestchat', 'oneonone', 'chats', 'rest'))
    const sc = await c.open() // Cleo was away all the time
    const heard = { [chat]: [], [ChatId]: [] }
    while (heard[chat].length + heard[ChatId].length < 60) {
      const { message } = await sc.channel.next('new_message')
      heard[message.conversation].push(message.content)
    }
    assert.deepEqual(heard[chat], stored)
    assert.deepEqual(heard[ChatId].toSorted(), of('expresschat'))
    await sc.channel.emit('join', 'sentinel') // behind all that was to come
    assert.equal(sc.channel.count('new_message'), 60)
    assert.deepEqual((await c.rest('GET', `/api/v1/conversations/${chat}`)).body.conversation.messages.map((m) => m.content), stored)
    assert.deepEqual((await c.rest('GET', `/chats/${number}/messages`)).body.map((m) => m.message), stored)

    const again = await open(who) // the pair outlives the process
    again.channel.tell('fetch-personal-chat', { ChatId })
    assert.deepEqual((await again.channel.next('personal-chat')).Messages.map((m) => m.Content), heard[ChatId])
    again.channel.tell('fetch-self-chat', {})
    assert.deepEqual((await again.channel.next('self-chat')).Messages.map((m) => m.Content).toSorted(), of('self'))
  })
}
