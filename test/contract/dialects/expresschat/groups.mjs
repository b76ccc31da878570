// The document of expresschat: groups.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { subset } from '../../lib/device.mjs'
import { sessions, text } from './account.mjs'

export function groups(at) {
  const { greeted, account } = sessions(at)
  const three = async (options) => {
    const people = [await account('Ann'), await account('Bob'), await account('Cleo')]
    const sockets = []
    for (const who of people) sockets.push(await greeted(who, options))
    return [...people, ...sockets]
  }
  const create = async (sa, Participants, Description = 'old ones') => {
    sa.channel.tell('create-group-chat', { Name: 'Friends', Description, Participants })
    return (await sa.channel.next('create-group-chat-creator')).GroupId
  }

  for (const transport of ['websocket', 'polling']) {
    it(`groups: created, joined, written, read, fetched, over ${transport}`, async () => {
      const [a, b, c, sa, sb, sc] = await three({ transport })
      sa.channel.tell('create-group-chat', { Name: 'Friends', Description: 'old ones', Participants: [b.id] })
      const created = await sa.channel.next('create-group-chat-creator')
      const { GroupId } = created
      assert.deepEqual(created, { GroupId, Name: 'Friends' })
      assert.deepEqual(await sb.channel.next('create-group-chat-receiver'), { GroupId, Name: 'Friends' })
      sa.channel.tell('add-member', { GroupId, Member: c.email })
      subset(await sa.channel.next('add-member-success'), { GroupId, Member: c.id })
      subset(await sc.channel.next('new-grp-added'), { GroupId, Name: 'Friends' })
      sb.channel.tell('send-group-message', { GroupId, Content: 'welcome' })
      for (const s of [sa, sc]) assert.deepEqual(await s.channel.next('receive-group-message'), { ChatId: GroupId, Content: 'welcome', Sender: 'Bob', SenderId: b.id })
      sc.channel.tell('read-group-message', { GroupId })
      assert.deepEqual(await sb.channel.next('read-grp-msg-ack'), { ChatId: GroupId, Reader: c.id })
      sa.channel.tell('fetch-group-chat', { GroupId })
      const group = await sa.channel.next('group-chat')
      assert.deepEqual(Object.keys(group).toSorted(), ['Admin', 'Description', 'Messages', 'Name', 'Participants'])
      subset(group, { Admin: a.id, Name: 'Friends', Description: 'old ones' })
      assert.deepEqual([group.Participants.map((p) => p.userId), group.Messages.map((m) => m.Content)], [[a.id, b.id, c.id], ['welcome']])
      assert.equal(sb.channel.count('receive-group-message'), 0, 'the sender is not told')
    })
  }

  it('the admin puts somebody out, who hears and does no more', async () => {
    const [a, b, c, sa, sb, sc] = await three()
    const GroupId = await create(sa, [b.id, c.id])
    sa.channel.tell('kickout', { GroupId, Member: c.id })
    subset(await sa.channel.next('kickout-successful'), { GroupId, Member: c.id })
    subset(await sc.channel.next('kicked-out'), { GroupId })
    subset(await sb.channel.next('someone-kicked-out'), { GroupId, Member: c.id })
    await sa.channel.emit('send-group-message', { GroupId, Content: 'without Cleo' })
    await sb.channel.next('receive-group-message')
    subset(await sc.channel.emit('fetch-group-chat', { GroupId }), { success: false }) // behind what might have come
    assert.equal(sc.channel.count('receive-group-message'), 0)
    assert.ok(!(await greeted(c)).groups.GroupChatList.some((g) => g._id === GroupId))
    sa.channel.tell('add-member', { GroupId, Member: c.id }) // and may be brought in again
    subset(await sc.channel.next('new-grp-added'), { GroupId })
  })

  it('only the admin adds, puts out and hands over; and not what cannot be', async () => {
    const [a, b, c, sa, sb] = await three()
    const GroupId = await create(sa, [b.id])
    sb.channel.tell('add-member', { GroupId, Member: c.id })
    const fail = await sb.channel.next('add-member-fail')
    assert.deepEqual(fail, { reason: fail.reason })
    assert.ok(text(fail.reason))
    for (const event of ['kickout', 'change-admin']) {
      const answer = await sb.channel.emit(event, { GroupId, Member: event === 'kickout' ? a.id : b.id })
      assert.deepEqual(answer, { success: false, error: answer.error }, event)
      assert.deepEqual(await sb.channel.next('error', (body) => body.message === answer.error), { message: answer.error }, event)
    }
    sa.channel.tell('add-member', { GroupId, Member: b.id }) // is in it
    await sa.channel.next('add-member-fail')
    subset(await sa.channel.emit('kickout', { GroupId, Member: c.id }), { success: false })
    subset(await sa.channel.emit('change-admin', { GroupId, Member: c.id }), { success: false })
  })

  it('the admin hands over, and is none from then on', async () => {
    const [a, b, c, sa, sb] = await three()
    const GroupId = await create(sa, [b.id, c.id])
    sa.channel.tell('change-admin', { GroupId, Member: b.id })
    subset(await sa.channel.next('change-admin-success-creator'), { GroupId, Member: b.id })
    subset(await sb.channel.next('change-admin-success-receiver'), { GroupId })
    subset(await sa.channel.emit('kickout', { GroupId, Member: c.id }), { success: false })
    sb.channel.tell('fetch-group-chat', { GroupId })
    assert.equal((await sb.channel.next('group-chat')).Admin, b.id)
    assert.ok(a.id !== b.id)
  })

  it('the last admin who leaves hands over to who has been in it longest', async () => {
    const [a, b, c, sa, sb, sc] = await three()
    const GroupId = await create(sa, [c.id])
    await sa.channel.emit('add-member', { GroupId, Member: b.id }) // Bob came later than Cleo
    sa.channel.tell('leave-grp', { GroupId })
    subset(await sa.channel.next('group-left-success'), { GroupId })
    for (const s of [sb, sc]) subset(await s.channel.next('user-left-grp'), { GroupId, Member: a.id })
    subset(await sc.channel.next('change-admin-success-receiver'), { GroupId, Member: c.id })
    sb.channel.tell('fetch-group-chat', { GroupId })
    const group = await sb.channel.next('group-chat')
    assert.deepEqual([group.Admin, group.Participants.map((p) => p.userId)], [c.id, [c.id, b.id]])
    sa.channel.tell('leave-grp', { GroupId })
    const fail = await sa.channel.next('group-left-fail')
    assert.deepEqual(fail, { reason: fail.reason })
    sb.channel.tell('leave-grp', { GroupId }) // no admin: nothing is handed over
    subset(await sc.channel.next('user-left-grp'), { Member: b.id })
    sc.channel.tell('leave-grp', { GroupId }) // the last one
    await sc.channel.next('group-left-success')
  })

  it('a group is read by each for themselves, and the list says how much is not', async () => {
    const [a, b, c, sa, sb, sc] = await three()
    const GroupId = await create(sa, [b.id, c.id])
    for (const Content of ['one', 'two']) await sa.channel.emit('send-group-message', { GroupId, Content })
    sb.channel.tell('read-group-message', { GroupId })
    for (const s of [sa, sc]) assert.deepEqual(await s.channel.next('read-grp-msg-ack'), { ChatId: GroupId, Reader: b.id })
    const rows = []
    for (const who of [a, b, c]) {
      const row = (await greeted(who)).groups.GroupChatList.find((g) => g._id === GroupId)
      assert.deepEqual(Object.keys(row).toSorted(), ['LastChat', 'Name', 'Unread', '_id'])
      subset(row, { _id: GroupId, Name: 'Friends', LastChat: { Content: 'two', Sender: 'Ann' } })
      rows.push(row.Unread)
    }
    assert.deepEqual(rows, [0, 0, 2])
  })
}
