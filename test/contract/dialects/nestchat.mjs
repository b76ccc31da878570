// The document of the NestJS chat, line by line.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { subset, time, transports } from '../lib/device.mjs'

export function nestchat(at) {
  const isInteger = (n) => Number.isInteger(n) && n > 0

  for (const transport of Object.keys(transports)) {
    it(`creates a conversation, talks in its room, leaves it, over ${transport}`, async () => {
      const [a, b] = [at.people.one('Ann'), at.people.one('Bob')]
      const [sa, sb] = [await a.open({ transport }), await b.open({ transport })]
      const ack = await sa.channel.emit('createConversation', { user2_id: b.number })
      subset(ack, { success: true, conversation: { id: isInteger, user1_id: a.number, user2_id: b.number, created_at: time } })
      const convId = ack.conversation.id
      for (const s of [sa, sb]) { // both people's sockets, both joined
        const created = await s.channel.next('conversationCreated')
        assert.deepEqual(created.conversation, ack.conversation)
        assert.deepEqual(created.participants.map((p) => p.id), [a.number, b.number])
      }
      const sent = await sa.channel.emit('sendMessage', { convId, message: { message: 'Hello, how are you?' } })
      subset(sent, { success: true, message: { id: isInteger, conversation_id: convId, sender_id: a.number, message: 'Hello, how are you?', is_read: false, created_at: time } })
      for (const s of [sa, sb]) { // everyone in the room, the sender too
        assert.deepEqual(await s.channel.next('newMessage'), { message: sent.message, sender: { id: a.number, name: 'Ann' } })
      }
      subset(await sb.channel.emit('leaveConversation', { convId }), { success: true })
      assert.deepEqual(await sb.channel.next('leftConversation'), { convId })
      await sa.channel.emit('sendMessage', { convId, message: { message: 'two' } })
      subset(await sb.channel.emit('joinConversation', { convId }), { success: true })
      assert.deepEqual(await sb.channel.next('joinedConversation'), { convId })
      await sa.channel.emit('sendMessage', { convId, message: { message: 'three' } })
      subset(await sb.channel.next('newMessage'), { message: { message: 'three' } })
    })
  }

  it('an existing conversation is given back, and has to be joined on another socket', async () => {
    const [a, b] = [at.people.one(), at.people.one()]
    const sa = await a.open()
    const { conversation } = await sa.channel.emit('createConversation', { user2_id: b.number })
    await sa.channel.next('conversationCreated')
    const sb = await b.open()
    const again = await sb.channel.emit('createConversation', { user2_id: a.number })
    assert.deepEqual(again.conversation, conversation)
    assert.deepEqual((await sb.channel.next('conversationCreated')).conversation, conversation)
  })

  it('POST /chats and POST /chats/:id/message cause the socket events', async () => {
    const [a, b] = [at.people.one('Ann'), at.people.one('Bob')]
    const [sa, sb] = [await a.open(), await b.open()]
    const created = await a.rest('POST', '/chats', { user2_id: b.number })
    assert.equal(created.status, 201)
    subset(created.body, { id: isInteger, user1_id: a.number, user2_id: b.number, created_at: time })
    for (const s of [sa, sb]) assert.deepEqual((await s.channel.next('conversationCreated')).conversation, created.body)
    const posted = await b.rest('POST', `/chats/${created.body.id}/message`, { message: 'by REST' })
    assert.equal(posted.status, 201)
    subset(posted.body, { id: isInteger, conversation_id: created.body.id, sender_id: b.number, message: 'by REST', is_read: false, created_at: time })
    for (const s of [sa, sb]) assert.deepEqual((await s.channel.next('newMessage')).message, posted.body)
  })

  it('errors are {message} on the socket and {statusCode, message, error} over REST; never appError', async () => {
    const [a, b, stranger] = [at.people.one(), at.people.one(), at.people.one()]
    const { body: { id } } = await a.rest('POST', '/chats', { user2_id: b.number })
    const s = await stranger.open()
    for (const [event, payload] of [
      ['sendMessage', { convId: id, message: { message: 'x' } }],
      ['joinConversation', { convId: id }],
      ['leaveConversation', { convId: 999_999_999 }],
      ['createConversation', { user2_id: stranger.number }],
    ]) {
      subset(await s.channel.emit(event, payload), { success: false, error: (e) => e.length > 0 }, event)
      subset(await s.channel.next('error'), { message: (m) => m.length > 0 }, event)
    }
    const refused = await stranger.rest('POST', `/chats/${id}/message`, { message: 'x' })
    assert.equal(refused.status, 404)
    subset(refused.body, { statusCode: 404, message: 'Conversation not found', error: 'Not Found' })
    assert.equal((await at.server.rest('POST', '/chats', { body: { user2_id: 1 } })).status, 401)
    assert.ok(!s.channel.names().includes('appError'))
  })

  it('without a token the socket is told and cut', async () => {
    const client = await at.people.one().open({ auth: {} })
    subset(await client.channel.next('error'), { message: (m) => m.length > 0 })
    assert.equal(await client.channel.next('disconnect'), 'io server disconnect')
  })
}
