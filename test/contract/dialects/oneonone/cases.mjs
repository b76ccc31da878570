// The document of the one-to-one chat, line by line.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { subset, time, transports } from '../../lib/device.mjs'

export function cases(at) {
  const text = (s) => typeof s === 'string' && s.length > 0
  const start = (who, other) => who.rest('POST', '/api/v1/conversations', { participant: { userId: other.id } })
  const send = (who, conversationId, message) => who.rest('POST', '/api/v1/conversations/messages', { conversationId, message })
  const pair = async () => {
    const [a, b] = [at.people.one('user'), at.people.one('Anamita Ghosh')]
    return { a, b, conversation: (await start(a, b)).body.conversation }
  }

  it('POST /api/v1/conversations answers exactly {success, conversation {_id, participants, messages, __v}}', async () => {
    const [a, b] = [at.people.one('user'), at.people.one('Anamita Ghosh')]
    await start(b, at.people.one()) // a name is known once its owner was answered
    const { status, body } = await start(a, b)
    assert.equal(status, 201)
    const { conversation } = body
    assert.ok(text(conversation._id))
    const [first, second] = conversation.participants.map((p) => p._id)
    assert.ok(text(first) && text(second) && first !== second)
    assert.deepEqual(body, {
      success: true,
      conversation: {
        _id: conversation._id,
        participants: [{ userId: b.id, userName: 'Anamita Ghosh', _id: first }, { userId: a.id, userName: 'user', _id: second }], // the invited one first
        messages: [],
        __v: 0,
      },
    })
  })

  it('the same pair has the same conversation, 200, whoever asks', async () => {
    const { a, b, conversation } = await pair()
    for (const [who, other] of [[a, b], [b, a]]) {
      const again = await start(who, other)
      assert.equal(again.status, 200)
      assert.deepEqual([again.body.conversation._id, again.body.conversation.participants.map((p) => p._id)], [conversation._id, conversation.participants.map((p) => p._id)])
    }
  })

  it('POST /api/v1/conversations/messages answers exactly what the sample shows, oldest first', async () => {
    const { a, b, conversation } = await pair()
    await send(a, conversation._id, 'Hi this is user')
    const { status, body } = await send(a, conversation._id, 'Test message')
    assert.equal(status, 201)
    const sent = body.conversation.messages
    for (const m of sent) subset(m, { _id: text, timeStamp: time })
    const from = { senderId: a.id, receiverId: b.id }
    assert.deepEqual(body, {
      success: true,
      message: 'Message sent successfully.',
      conversation: {
        _id: conversation._id,
        participants: conversation.participants,
        messages: [
          { ...from, content: 'Hi this is user', _id: sent[0]._id, timeStamp: sent[0].timeStamp },
          { ...from, content: 'Test message', _id: sent[1]._id, timeStamp: sent[1].timeStamp },
        ],
        __v: 4,
      },
    })
    const back = await send(b, conversation._id, 'and back')
    subset(back.body.conversation.messages.at(-1), { senderId: b.id, receiverId: a.id, content: 'and back' }) // receiverId is derived
  })

  for (const transport of Object.keys(transports)) {
    it(`who has joined hears chat-message, the sender too, over ${transport}`, async () => {
      const { a, b, conversation } = await pair()
      const [sa, sb, idle] = [await a.open({ transport }), await b.open({ transport }), await b.open({ transport })]
      for (const s of [sa, sb]) subset(await s.channel.emit('join', conversation._id), { success: true })
      for (const [who, message] of [[a, 'Hi this is user'], [a, 'Test message'], [b, 'and back']]) {
        const sent = (await send(who, conversation._id, message)).body.conversation.messages.at(-1)
        subset(sent, { senderId: who.id, content: message })
        for (const s of [sa, sb]) assert.deepEqual(await s.channel.next('chat-message'), { ...sent, conversationId: conversation._id })
      }
      assert.equal(idle.channel.count('chat-message'), 0, 'a socket that has not joined')
    })
  }

  it('join has no reply, and messages written at once come in one order, each once', async () => {
    const { a, b, conversation } = await pair()
    const s = await b.open()
    s.channel.tell('join', conversation._id)
    await s.channel.emit('join', conversation._id) // answered behind the one before
    assert.equal(s.channel.names().filter((name) => name !== 'connect').length, 0, 'nothing came for it')
    const texts = Array.from({ length: 20 }, (_, n) => `at once ${n}`)
    await Promise.all(texts.map((message) => send(a, conversation._id, message)))
    const heard = []
    while (heard.length < texts.length) heard.push((await s.channel.next('chat-message'))._id)
    const { body } = await b.rest('GET', `/api/v1/conversations/${conversation._id}`)
    assert.deepEqual(heard, body.conversation.messages.map((m) => m._id))
    assert.equal(s.channel.count('chat-message'), texts.length)
  })

  it('an anonymous join is refused', async () => {
    const { a, conversation } = await pair()
    const nobody = await a.open({ auth: {} })
    nobody.channel.tell('join', conversation._id)
    assert.equal(await nobody.channel.next('disconnect'), 'io server disconnect')
    await send(a, conversation._id, 'secret')
    assert.ok(!JSON.stringify(nobody.channel.all).includes('secret'))
    assert.equal(nobody.channel.count('chat-message'), 0)
  })

  it('strangers neither join, read nor write', async () => {
    const { a, conversation } = await pair()
    const stranger = at.people.one()
    const spy = await stranger.open()
    subset(await spy.channel.emit('join', conversation._id), { success: false })
    const refused = await send(stranger, conversation._id, 'x')
    assert.equal(refused.status, 404)
    assert.deepEqual(refused.body, { success: false, message: refused.body.message })
    assert.equal((await stranger.rest('GET', `/api/v1/conversations/${conversation._id}`)).status, 404)
    await send(a, conversation._id, 'secret')
    subset(await spy.channel.emit('join', 'sentinel'), { success: false })
    assert.ok(!JSON.stringify(spy.channel.all).includes('secret'))
    assert.ok(!spy.channel.names().includes('appError'))
  })

  it('mistakes are told as {success:false, message}', async () => {
    const { a, conversation } = await pair()
    for (const [path, body, status] of [
      ['/api/v1/conversations', { participant: { userId: a.id } }, 400],
      ['/api/v1/conversations', { participant: {} }, 400],
      ['/api/v1/conversations', {}, 400],
      ['/api/v1/conversations/messages', { conversationId: 'no-such', message: 'x' }, 404],
      ['/api/v1/conversations/messages', { conversationId: conversation._id, message: '' }, 400],
      ['/api/v1/conversations/messages', { conversationId: conversation._id }, 400],
    ]) {
      const answer = await a.rest('POST', path, body)
      assert.equal(answer.status, status, JSON.stringify(answer.body))
      assert.deepEqual(answer.body, { success: false, message: answer.body.message })
      assert.ok(text(answer.body.message))
    }
    const nobody = await at.server.rest('POST', '/api/v1/conversations', { body: { participant: { userId: a.id } } })
    assert.equal(nobody.status, 401)
    subset(nobody.body, { success: false, message: text })
  })

  it('older messages than the newest hundred come by before', async () => {
    const { a, b, conversation } = await pair()
    let last
    for (let n = 1; n <= 103; n++) last = await send(a, conversation._id, String(n))
    const { messages } = last.body.conversation
    assert.deepEqual([messages.length, messages[0].content, messages.at(-1).content], [100, '4', '103'])
    const older = await b.rest('GET', `/api/v1/conversations/${conversation._id}?before=${messages[0]._id}`)
    assert.deepEqual(older.body.conversation.messages.map((m) => m.content), ['1', '2', '3'])
  })

  it('what was written while somebody was away is in the conversation; a repeat with its key is the same message', async () => {
    const { a, b, conversation } = await pair()
    const twice = () => at.server.rest('POST', '/api/v1/conversations/messages', {
      token: a.token, body: { conversationId: conversation._id, message: 'once' }, headers: { 'Idempotency-Key': `once-${a.id}` },
    })
    const [one, two] = [await twice(), await twice()]
    assert.deepEqual(one.body.conversation.messages, two.body.conversation.messages)
    const found = await start(b, a)
    assert.deepEqual(found.body.conversation.messages.map((m) => m.content), ['once'])
  })
}
