// The other contracts, held to with the stock client on both databases: a folder for each, and what
// they have in common.
import { after, before, describe } from 'node:test'
import { Server } from './lib/server.mjs'
import { People } from './dialects/client.mjs'
import { across } from './dialects/across.mjs'
import { durable } from './dialects/durable.mjs'
import { kinds } from './dialects/kinds.mjs'
import { accounts } from './dialects/expresschat/accounts.mjs'
import { chats as expresschat } from './dialects/expresschat/chats.mjs'
import { groups } from './dialects/expresschat/groups.mjs'
import { literal as expresschatLiteral } from './dialects/expresschat/literal.mjs'
import { events as messagingEvents } from './dialects/messaging/events.mjs'
import { literal as messagingLiteral } from './dialects/messaging/literal.mjs'
import { routes as messagingRoutes } from './dialects/messaging/routes.mjs'
import { cases as nestchat } from './dialects/nestchat/cases.mjs'
import { literal as nestchatLiteral } from './dialects/nestchat/literal.mjs'
import { cases as oneonone } from './dialects/oneonone/cases.mjs'
import { literal as oneononeLiteral } from './dialects/oneonone/literal.mjs'

// Each case runs over both transports, whatever else it asks for itself.
const transport = { sqlite: 'websocket', postgres: 'polling' }

const contracts = {
  oneonone: [[oneonone, oneononeLiteral]],
  expresschat: [[accounts, expresschat, groups, expresschatLiteral]],
  nestchat: [[nestchat, nestchatLiteral], { namespace: '/chat', query: { dialect: 'nestchat' } }],
  messaging: [[messagingRoutes, messagingEvents, messagingLiteral]],
  across: [[across, kinds]],
}

for (const database of (process.env.CONTRACT_DATABASES ?? 'sqlite postgres').split(' ')) {
  describe(`dialects on ${database}`, () => {
    const shared = {}
    before(async () => {
      shared.server = await Server.start(database, { DIALECTS: 'oneonone,expresschat,nestchat,messaging' })
      shared.server.transport = transport[database]
    })
    after(async () => { await shared.server?.stop() })
    for (const [name, [parts, options]] of Object.entries(contracts)) {
      describe(name, () => {
        const at = {}
        before(() => {
          at.server = shared.server
          at.people = new People(shared.server, options)
        })
        after(() => at.people?.close())
        for (const cases of parts) cases(at)
      })
    }
  })
  describe(`dialects on ${database} after kill -9`, () => durable(database))
}
