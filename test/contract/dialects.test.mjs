// The other contracts, held to with the stock client on both databases.
import { after, before, describe } from 'node:test'
import { Server } from './lib/server.mjs'
import { People } from './dialects/client.mjs'
import { across } from './dialects/across.mjs'
import { expresschat } from './dialects/expresschat.mjs'
import { literal } from './dialects/literal.mjs'
import { messaging } from './dialects/messaging.mjs'
import { nestchat } from './dialects/nestchat.mjs'
import { oneonone } from './dialects/oneonone.mjs'

const contracts = {
  oneonone: [oneonone],
  expresschat: [expresschat],
  nestchat: [nestchat, { namespace: '/chat', query: { dialect: 'nestchat' } }],
  messaging: [messaging],
  across: [across],
  literal: [literal],
}

for (const database of (process.env.CONTRACT_DATABASES ?? 'sqlite postgres').split(' ')) {
  describe(`dialects on ${database}`, () => {
    const shared = {}
    before(async () => { shared.server = await Server.start(database, { DIALECTS: 'oneonone,expresschat,nestchat,messaging' }) })
    after(async () => { await shared.server?.stop() })
    for (const [name, [cases, options]] of Object.entries(contracts)) {
      describe(name, () => {
        const at = {}
        before(() => {
          at.server = shared.server
          at.people = new People(shared.server, options)
        })
        after(() => at.people?.close())
        cases(at)
      })
    }
  })
}
