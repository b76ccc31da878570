// The document of the NestJS chat, line by line.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { subset, time, transports } from '../../lib/device.mjs'

export function cases(at) {
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
      for (let round = 0; round < 20; round++) {
        const from = sb.channel.all.length
        subset(await sb.channel.emit('leaveConversation', { convId }), { success: true })
        assert.deepEqual(await sb.channel.next('leftConversation'), { convId })
        await sa.channel.emit('sendMessage', { convId, message: { message: 'two' } })
        subset(await sb.channel.emit('joinConversation', { convId }), { success: true })
        assert.deepEqual(await sb.channel.next('joinedConversation'), { convId })
        await sa.channel.emit('sendMessage', { convId, message: { message: `three ${round}` } })
        await sb.channel.next('newMessage', ({ message }) => message.message === `three ${round}`)
        const heard = sb.channel.all.slice(from).map(({ name, body }) => name === 'newMessage' ? body.message.message : name)
        assert.ok(!heard.slice(0, heard.indexOf('joinedConversation')).includes('two'), 'who has left hears nothing')
      }
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

  it('everybody in the room hears messages in one order; who left, or never joined, hears none', async () => {
    const [a, b] = [at.people.one('Ann'), at.people.one('Bob')]
    const [sa, sb] = [await a.open(), await b.open()]
    const { conversation: { id: convId } } = await sa.channel.emit('createConversation', { user2_id: b.number })
    for (const s of [sa, sb]) await s.channel.next('conversationCreated')
    const idle = await b.open() // a socket of later has to join by itself
    const texts = Array.from({ length: 20 }, (_, n) => `at once ${n}`)
    await Promise.all(texts.map((message, n) => (n % 2 ? sa : sb).channel.emit('sendMessage', { convId, message: { message } })))
    const heard = { a: [], b: [] }
    for (const _ of texts) {
      heard.a.push((await sa.channel.next('newMessage')).message.id)
      heard.b.push((await sb.channel.next('newMessage')).message.id)
    }
    assert.deepEqual(heard.a, heard.a.toSorted((x, y) => x - y))
    assert.deepEqual(heard.b, heard.a)
    subset(await idle.channel.emit('leaveConversation', { convId }), { success: true }) // behind what it might have heard
    assert.equal(idle.channel.count('newMessage'), 0)
  })

  it('acknowledgements are exactly {success, conversation|message} and {success:false, error}', async () => {
    const [a, b] = [at.people.one('Ann'), at.people.one('Bob')]
    const sa = await a.open()
    const created = await sa.channel.emit('createConversation', { user2_id: b.number })
    const { id, created_at } = created.conversation
    assert.deepEqual(created, { success: true, conversation: { id, user1_id: a.number, user2_id: b.number, created_at } })
    const sent = await sa.channel.emit('sendMessage', { convId: id, message: { message: 'hi' } })
    assert.deepEqual(sent, { success: true, message: { id: sent.message.id, conversation_id: id, sender_id: a.number, message: 'hi', is_read: false, created_at: sent.message.created_at } })
    const refused = await sa.channel.emit('sendMessage', { convId: 999_999_999, message: { message: 'hi' } })
    assert.deepEqual(refused, { success: false, error: 'Conversation not found' })
    assert.deepEqual(await sa.channel.next('error'), { message: 'Conversation not found' })
  })

  it('what was written while somebody heard nothing is asked for by REST, oldest first', async () => {
    const [a, b] = [at.people.one('Ann'), at.people.one('Bob')]
    const { body: { id } } = await a.rest('POST', '/chats', { user2_id: b.number })
    for (const message of ['one', 'two', 'three']) await a.rest('POST', `/chats/${id}/message`, { message })
    const { status, body } = await b.rest('GET', `/chats/${id}/messages`)
    assert.deepEqual([status, body.map((m) => m.message)], [200, ['one', 'two', 'three']])
    const older = await b.rest('GET', `/chats/${id}/messages?before=${body[2].id}`)
    assert.deepEqual(older.body.map((m) => m.message), ['one', 'two'])
  })

  it('mistakes have descriptive messages', async () => {
    const [a, b] = [at.people.one(), at.people.one()]
    const sa = await a.open()
    const { conversation: { id: convId } } = await sa.channel.emit('createConversation', { user2_id: b.number })
    for (const [event, payload] of [
      ['createConversation', {}], ['createConversation', { user2_id: '' }], ['sendMessage', { convId }], ['sendMessage', { convId, message: { message: '' } }],
      ['sendMessage', { convId: 'one', message: { message: 'x' } }], ['joinConversation', {}],
    ]) {
      const answer = await sa.channel.emit(event, payload)
      subset(answer, { success: false, error: (e) => e.length > 5 }, event)
      assert.deepEqual(await sa.channel.next('error'), { message: answer.error }, event)
    }
    for (const [path, body, status] of [
      ['/chats', {}, 400], ['/chats', { user2_id: a.number }, 400], [`/chats/${convId}/message`, {}, 400], ['/chats/none/message', { message: 'x' }, 404],
    ]) {
      const answer = await a.rest('POST', path, body)
      assert.equal(answer.status, status, JSON.stringify(answer.body))
      assert.deepEqual(Object.keys(answer.body).toSorted(), ['error', 'message', 'statusCode'])
      subset(answer.body, { statusCode: status, message: (m) => m.length > 5, error: status === 400 ? 'Bad Request' : 'Not Found' })
    }
  })

  for (const transport of Object.keys(transports)) {
    it(`without a valid token the socket is told and cut, over ${transport}`, async () => {
      for (const auth of [{}, { token: 'your-jwt-token' }]) {
        const client = await at.people.one().open({ auth, transport })
        subset(await client.channel.next('error'), { message: (m) => m.length > 0 })
        assert.equal(await client.channel.next('disconnect'), 'io server disconnect')
      }
    })
  }
}
