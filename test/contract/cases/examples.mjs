// The examples run as they are, against this server.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const example = (name) => fileURLToPath(new URL(`../../../examples/${name}`, import.meta.url))

export function examples(at) {
  // People 2 and 2, as the scripts have it: nobody else on this server uses that number.
  const env = () => ({
    PATH: process.env.PATH,
    CUSTOMER_TOKEN: at.server.token({ userId: 2, userType: 'customer', name: 'John Doe' }),
    VENDOR_TOKEN: at.server.token({ userId: 2, userType: 'vendor', name: 'Tech Haven' }),
    ADMIN_TOKEN: at.server.token({ userId: 1, userType: 'admin', name: 'Admin' }),
  })

  it('two-sides.mjs talks to itself, the first time and again', async () => {
    for (const opening of ['sees a new chat about Wireless Headphones', 'reads “Is it still available?”']) {
      const { stdout } = await run(process.execPath, [example('two-sides.mjs'), at.server.url], { env: env() })
      for (const line of [opening, 'reads “Yes, two left.”', 'sees that the customer has read']) assert.ok(stdout.includes(line), stdout)
      assert.ok(!/refused|cannot connect/.test(stdout), stdout)
    }
  })

  it('admin.sh shows the numbers, a transcript and the audit log', async () => {
    const { stdout } = await run(example('admin.sh'), [at.server.url], { env: env() })
    for (const word of ['"chats":', 'Yes, two left.', 'chat.transcript']) assert.ok(stdout.includes(word), stdout)
  })
}
